// I1, I3: a stream whose position an operator moves accounts for every number that is passed over, and has
// its history handled once more, in order, when it is moved back.
import { describe, expect, test } from 'vitest'
import type { TrackedEvent } from '../../../src/core/event.ts'
import { contiguous, increasing, linked } from '../../../src/core/numbering.ts'
import { fill, halt, skip } from '../../../src/operate/operate-stream.ts'
import { pauseDomain } from '../../../src/operate/pause-domain.ts'
import { seek } from '../../../src/operate/seek.ts'
import type { StreamHistory } from '../../../src/ports/stream-history.ts'
import { event, events } from '../engine/engine-world.ts'
import { byAnn, OperatorWorld } from './operator-world.ts'

/** A history that has all numbers but some. */
function historyBut(...absent: readonly number[]): StreamHistory & { readonly asked: string[] } {
  const asked: string[] = []
  return {
    name: 'archive',
    asked,
    read: async ({ from, to, epoch }) => {
      asked.push(`${String(from)}-${String(to)}`)
      const all: TrackedEvent[] = []
      for (let sequence = Number(from); sequence <= Number(to); sequence++) {
        if (absent.includes(sequence)) continue
        all.push({ domain: 'account', stream: 'a', epoch, sequence, id: `a-${sequence}`, data: {} })
      }
      return all
    },
  }
}

async function worldWith(...numbers: readonly number[]): Promise<OperatorWorld> {
  const world = new OperatorWorld()
  await world.operated.open()
  await world.processing.process(events('a', ...numbers))
  return world
}

describe('forwards', () => {
  test('missing numbers are lost, held events are dead letters, what is behind goes on', async () => {
    const world = await worldWith(1, 3, 4, 6, 7)
    const done = await seek(world.target, { ...byAnn, to: 6 })
    expect(done).toMatchObject({ direction: 'forwards', after: { position: 6, held: 1 } })
    await world.sweep()
    expect(world.calls).toEqual(['a:1', 'a:7'])
    const entries = (await world.ledger()).map(({ kind, from, to, by }) => [kind, from, to, by])
    expect(entries).toEqual([
      ['lost', 2, 2, 'ann'],
      ['removed', 3, 4, 'ann'],
      ['lost', 5, 5, 'ann'],
      ['removed', 6, 6, 'ann'],
      ['sought', 6, 6, 'ann'],
    ])
    expect((await world.deadLetters()).map(({ reason, sequence }) => [reason, sequence])).toEqual([
      ['skipped', 3],
      ['skipped', 4],
      ['skipped', 6],
    ])
    expect(await world.imbalances()).toEqual([])
  })

  test('a held fill is filled as far as it is passed, and the rest of it stays', async () => {
    const world = await worldWith(1, 9)
    await fill(world.target, { ...byAnn, from: 4, to: 7 })
    await seek(world.target, { ...byAnn, to: 5 })
    expect((await world.state()).counts).toMatchObject({ filled: 2, lost: 2 })
    await world.sweep()
    expect(await world.state()).toMatchObject({ position: 7, counts: { filled: 4, lost: 2 } })
    expect(await world.imbalances()).toEqual([])
  })

  test('a failing event on the way is taken out, and its halt ends', async () => {
    const world = await worldWith(1)
    world.failing.add(2)
    await world.processing.process(events('a', 2, 3))
    await world.failAt(2)
    await seek(world.target, { ...byAnn, to: 2 })
    expect(await world.state()).toMatchObject({ failing: undefined, halt: undefined })
    await world.sweep()
    expect(world.calls).toEqual(['a:1', 'a:3'])
  })

  test('a later epoch opens; the older one ends as the rules say', async () => {
    const world = await worldWith(1, 4)
    await world.processing.process([event('a', 3, { epoch: 1 })])
    await seek(world.target, { ...byAnn, to: 1, epoch: 1, expectPosition: 1 })
    expect(await world.state()).toMatchObject({ epoch: 1, position: 1, counts: { lost: 3, removed: 1 } })
    expect((await world.deadLetters()).map(({ reason }) => reason)).toEqual(['epoch-ended'])
    await world.processing.process([event('a', 2, { epoch: 1 })])
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:3'])
    expect(await world.imbalances()).toEqual([])
    await expect(seek(world.target, { ...byAnn, to: 9, epoch: -1 })).rejects.toThrow('from 0, not -1')
    await expect(seek(world.target, { ...byAnn, to: 9, epoch: 0 })).rejects.toThrow('epoch 0 is over')
  })

  test('to where it is, below the start, or too far without the expected position: refused', async () => {
    const { target } = await worldWith(1, 2)
    await expect(seek(target, { ...byAnn, to: 2 })).rejects.toThrow('there already')
    await expect(seek(target, { ...byAnn, to: 5_000_000 })).rejects.toThrow('spanMax')
    await seek(target, { ...byAnn, to: 5_000_000, expectPosition: 2 })
    await expect(seek(target, { ...byAnn, to: 3, epoch: 2, expectPosition: 2 })).rejects.toThrow('5000000')
    await expect(seek(target, { ...byAnn, to: 0, epoch: 2 })).rejects.toThrow('--expect-position')
    await seek(target, { ...byAnn, to: 0, epoch: 2, expectPosition: 5_000_000 })
  })

  test('a chain is moved to one of its numbers, never into the middle of a link', async () => {
    const world = new OperatorWorld({ numbering: linked() })
    await world.operated.open()
    const link = (sequence: number, previous: number | null): object => event('a', sequence, { previous })
    await world.processing.process([link(3, null), link(9, 7), link(15, 9), link(20, 15)])
    await expect(seek(world.target, { ...byAnn, to: 12 })).rejects.toThrow(
      'lies between 9 and the held event 15',
    )
    await seek(world.target, { ...byAnn, to: 15 })
    await world.sweep()
    expect(world.calls).toEqual(['a:3', 'a:20'])
    expect((await world.deadLetters()).map(({ sequence }) => sequence)).toEqual([9, 15])
    expect(await world.imbalances()).toEqual([])
  })

  test('a number is the same one as a bigint, and what is no whole number is refused', async () => {
    const world = new OperatorWorld({ numbering: linked() })
    await world.operated.open()
    const link = (sequence: number, previous: number | null): object => event('a', sequence, { previous })
    await world.processing.process([link(3, null), link(9, 7)])
    await expect(seek(world.target, { ...byAnn, to: 7.5 })).rejects.toMatchObject({ code: 'usage' })
    await seek(world.target, { ...byAnn, to: 7n })
    await world.sweep()
    await world.processing.process([link(12, 9)])
    expect(world.calls).toEqual(['a:3', 'a:9', 'a:12'])
    expect((await world.state()).position).toBe(12)
  })

  test('increasing numbers below it are late from then on', async () => {
    const world = new OperatorWorld({ numbering: increasing() })
    await world.operated.open()
    await world.processing.process(events('a', 5))
    await halt(world.target, byAnn)
    await world.processing.process(events('a', 7, 9))
    await seek(world.target, { ...byAnn, to: 8 })
    expect(await world.state()).toMatchObject({ position: 8, heldCount: 1, counts: { removed: 1, lost: 0 } })
    expect((await world.processing.process(events('a', 6)))[0]?.verdict).toBe('late')
    expect(await world.imbalances()).toEqual([])
  })
})

describe('backwards', () => {
  test('the history is handled once more, in order, and then what came since', async () => {
    const world = await worldWith(1, 2, 3, 4)
    const done = await seek(world.target, { ...byAnn, to: 1, expectPosition: 4, history: historyBut() })
    expect(done.history).toEqual({ handedOver: 3, readTo: 4, isComplete: true })
    expect(await world.state()).toMatchObject({ position: 1, counts: { recalled: 3 } })
    expect(await world.imbalances()).toEqual([])
    await world.processing.process(events('a', 5))
    await world.sweep()
    expect(world.calls.slice(4)).toEqual(['a:2', 'a:3', 'a:4', 'a:5'])
    expect(await world.state()).toMatchObject({ position: 5, heldCount: 0, counts: { delivered: 8 } })
    expect(await world.imbalances()).toEqual([])
    expect((await world.ledger()).map(({ kind, from, to }) => [kind, from, to])).toEqual([
      ['recalled', 2, 4],
      ['sought', 1, 1],
    ])
  })

  test('cut short before anything is handed over, the range is a gap that everybody sees', async () => {
    const world = await worldWith(1, 2, 3, 4)
    const history = historyBut()
    let reads = 0
    const broken: StreamHistory = {
      ...history,
      read: (range) =>
        reads++ === 0 ? history.read(range) : Promise.reject(new Error('the archive is gone')),
    }
    const done = await seek(world.target, { ...byAnn, to: 1, expectPosition: 4, history: broken })
    expect(done.history).toMatchObject({ handedOver: 0, isComplete: false, why: 'the archive is gone' })
    expect(done.after.gap).toEqual({ epoch: 0, from: 2, to: 3 })
    await world.sweep()
    await world.processing.process(events('a', 2, 3))
    expect(world.calls.slice(4)).toEqual(['a:2', 'a:3', 'a:4'])
    expect(await world.imbalances()).toEqual([])
  })

  test('lost numbers are open again, filled ones stay filled, held events stay held', async () => {
    const world = await worldWith(1, 2, 6, 9)
    await fill(world.target, { ...byAnn, from: 3, to: 4 })
    await skip(world.target, byAnn).catch(() => undefined)
    await world.sweep()
    await skip(world.target, byAnn)
    await world.sweep()
    expect(await world.state()).toMatchObject({ position: 6, lost: [{ from: 5, to: 5 }] })
    await seek(world.target, { ...byAnn, to: 2, expectPosition: 6, history: historyBut() })
    await world.sweep()
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:6', 'a:5', 'a:6'])
    expect(await world.state()).toMatchObject({
      position: 6,
      heldCount: 1,
      counts: { filled: 4, recalled: 4 },
    })
    expect(await world.imbalances()).toEqual([])
  })

  test('a failing event has its turn again, after the history, with all its attempts', async () => {
    const world = await worldWith(1, 2)
    world.failing.add(3)
    await world.processing.process(events('a', 3, 4))
    await world.failAt(3)
    world.failing.clear()
    await seek(world.target, { ...byAnn, to: 1, expectPosition: 2, history: historyBut() })
    await world.sweep()
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:2', 'a:3', 'a:4'])
    expect(await world.imbalances()).toEqual([])
  })

  test('the gap that it makes has all its patience, however old what is held behind it is', async () => {
    const world = new OperatorWorld({ gapEnd: 'skip' })
    await world.operated.open()
    await world.processing.process(events('a', 1, 2, 3))
    world.failing.add(4)
    await world.processing.process(events('a', 4))
    await world.read(60_000)
    const only3 = historyBut(2)
    await seek(world.target, { ...byAnn, to: 1, expectPosition: 3, history: only3 })
    await world.sweep()
    expect((await world.state()).counts.lost).toBe(0)
    await world.read(31_000)
    await world.sweep()
    expect((await world.state()).counts.lost).toBe(1)
  })

  test('a conflict is judged by what came last: nothing above the new position is remembered', async () => {
    const world = await worldWith(1, 2, 3)
    await seek(world.target, { ...byAnn, to: 1, expectPosition: 3, history: historyBut() })
    expect((await world.state()).memory.filter((_, at) => at % 3 === 1)).toEqual([1])
  })

  test('needs the expected position, a history, and in it the last event that came', async () => {
    const { target } = await worldWith(1, 2, 3)
    const back = { ...byAnn, to: 1 }
    const history = historyBut(3)
    await expect(seek(target, { ...back, history })).rejects.toMatchObject({
      code: 'operation-refused',
    })
    await expect(seek(target, { ...back, history, expectPosition: 2 })).rejects.toMatchObject({
      code: 'position-moved',
    })
    await expect(seek(target, { ...back, expectPosition: 3 })).rejects.toMatchObject({
      code: 'history-unavailable',
    })
    await expect(seek(target, { ...back, expectPosition: 3, history })).rejects.toThrow('no event 3')
    const below = { ...byAnn, to: -1, expectPosition: 3, history }
    await expect(seek(target, below)).rejects.toThrow('the lowest position is 0')
  })

  test('with numbers in which nobody would see a gap it is refused', async () => {
    for (const numbering of [linked(), increasing()]) {
      const world = new OperatorWorld({ numbering })
      await world.operated.open()
      await world.processing.process([event('a', 5, { previous: null })])
      const back = { ...byAnn, to: 2, expectPosition: 5, history: historyBut() }
      await expect(seek(world.target, back)).rejects.toThrow('contiguous')
    }
  })

  test('of a halted stream or a paused domain hands nothing over: the gap is left to healing', async () => {
    const world = await worldWith(1, 2, 3)
    await halt(world.target, byAnn)
    const back = { ...byAnn, to: 1, expectPosition: 3, history: historyBut() }
    expect((await seek(world.target, back)).history).toMatchObject({ handedOver: 0, isComplete: false })
    const other = await worldWith(1, 2, 3)
    await pauseDomain(other.target, { ...byAnn, domain: 'account' })
    expect((await seek(other.target, back)).history).toMatchObject({ handedOver: 0, isComplete: false })
  })

  test('waits while too many events are handed over, and stops when no worker takes them', async () => {
    const world = await worldWith(...Array.from({ length: 1_200 }, (_, at) => at + 1))
    const [domain] = [...world.target.domains.values()]
    if (domain === undefined) throw new Error('there is no domain')
    const domains = new Map([['account', { ...domain, handedOverMax: 600 }]])
    const back = { ...byAnn, to: 0, expectPosition: 1_200, history: historyBut() }
    const seeking = seek({ ...world.target, domains }, { ...back, waitMs: 1_000 })
    await world.timers.advance(5_000)
    expect((await seeking).history).toMatchObject({ handedOver: 500, readTo: 500, isComplete: false })
    await world.sweep()
    expect(await world.state()).toMatchObject({ position: 500, counts: { recalled: 1_200 } })
    expect(await world.imbalances()).toEqual([])
  })

  test('what was filled stays filled, also where the history has an event of that number', async () => {
    const world = await worldWith(1, 2)
    await fill(world.target, { ...byAnn, from: 3, to: 4 })
    await world.sweep()
    expect((await world.state()).position).toBe(4)
    await seek(world.target, { ...byAnn, to: 2, expectPosition: 4, history: historyBut() })
    expect(await world.imbalances()).toEqual([])
    await world.sweep()
    expect(await world.state()).toMatchObject({
      position: 4,
      heldCount: 0,
      counts: { filled: 4, recalled: 2 },
    })
    expect((await world.deadLetters()).map(({ reason, sequence }) => [reason, sequence])).toEqual([
      ['conflict', 3],
      ['conflict', 4],
    ])
    expect(await world.imbalances()).toEqual([])
  })
})

describe('of a counter that wraps', () => {
  const numbering = contiguous({ start: 0, modulus: 16 })
  const history: StreamHistory = {
    name: 'archive',
    read: async ({ from, to, epoch }) =>
      (await historyBut().read({ stream: '', epoch, from, to, limit: 500 })).map((past) => ({
        ...past,
        wireSequence: Number(past.sequence) % 16,
      })),
  }

  async function worldUpTo(last: number): Promise<OperatorWorld> {
    const world = new OperatorWorld({ numbering })
    await world.operated.open()
    for (let number = 0; number <= last; number++) await world.processing.process(events('a', number % 16))
    return world
  }

  test('a stream is moved by its number on the wire', async () => {
    const world = await worldUpTo(20)
    await seek(world.target, { ...byAnn, to: 14, expectPosition: 4, history })
    expect((await world.state()).position).toBe(14)
    await world.sweep()
    expect(await world.state()).toMatchObject({ position: 20, heldCount: 0 })
    expect(await world.imbalances()).toEqual([])
  })

  test.each([0, 16])(
    'its history is of the turn that was read, whatever is held (from %i on)',
    async (turn) => {
      const world = await worldUpTo(turn + 7)
      await world.processing.process(events('a', 9, 10, 11, 12, 13, 14))
      await seek(world.target, { ...byAnn, to: turn, expectPosition: 7, history })
      await world.sweep()
      expect(await world.deadLetters()).toEqual([])
      expect(await world.state()).toMatchObject({ position: turn + 7, heldCount: 6, halt: undefined })
      expect(world.calls.slice(-7)).toEqual([1, 2, 3, 4, 5, 6, 7].map((number) => `a:${turn + number}`))
    },
  )

  test('half a turn ahead or behind, nobody knows where it would go', async () => {
    const world = await worldUpTo(20)
    const half = { ...byAnn, to: 12, expectPosition: 4, history }
    await expect(seek(world.target, half)).rejects.toThrow('12 may be 28 or 12, half a turn ahead or behind')
    expect((await world.state()).position).toBe(20)
    await seek(world.target, { ...byAnn, to: 28 })
    expect((await world.state()).position).toBe(28)
  })
})
