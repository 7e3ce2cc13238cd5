// I3, I5: what an operator does to a stream is decided by the rules, under its claim, recorded with name and
// reason, and carried on by a worker.
import { describe, expect, test } from 'vitest'
import { increasing, linked } from '../../../src/core/numbering.ts'
import { fill, halt, resume, retry, skip } from '../../../src/operate/operate-stream.ts'
import { consumer, event, events, path } from '../engine/engine-world.ts'
import { byAnn, OperatorWorld } from './operator-world.ts'

async function inOrder(): Promise<OperatorWorld> {
  const world = new OperatorWorld()
  await world.processing.process(events('a', 1, 2, 3, 4, 5))
  await world.operated.open()
  return world
}

async function failedAt3(): Promise<OperatorWorld> {
  const world = new OperatorWorld()
  await world.operated.open()
  world.failing.add(3)
  await world.processing.process(events('a', 1, 2, 3, 4, 5))
  await world.failAt(3)
  expect((await world.state()).halt?.cause).toBe('failure')
  return world
}

async function gapAt3(gapEnd: 'wait' | 'halt' = 'wait'): Promise<OperatorWorld> {
  const world = new OperatorWorld({ gapEnd })
  await world.operated.open()
  await world.processing.process(events('a', 1, 2, 5, 6))
  return world
}

describe('retry', () => {
  test('gives a failed event all its attempts, and the stream goes on in order', async () => {
    const world = await failedAt3()
    world.failing.clear()
    const done = await retry(world.target, byAnn)
    expect(done.before).toMatchObject({ position: 2, halt: { cause: 'failure' }, failing: { attempts: 2 } })
    expect((await world.state()).failing?.attempts).toBe(0)
    await world.sweep()
    expect(world.calls.slice(-3)).toEqual(['a:3', 'a:4', 'a:5'])
    expect(await world.imbalances()).toEqual([])
    const [entry] = (await world.ledger()).slice(-1)
    expect(entry).toMatchObject({ kind: 'retried', by: 'ann', reason: 'the bank is back', from: 3, to: 3 })
    expect(entry?.at).toBe(world.now)
  })

  test('that fails again uses up all attempts again', async () => {
    const world = await failedAt3()
    await retry(world.target, byAnn)
    await world.failAt(3)
    expect(await world.state()).toMatchObject({ failing: { attempts: 2 }, halt: { cause: 'failure' } })
  })

  test('ends the halt over a gap, whose patience begins anew', async () => {
    const world = await gapAt3('halt')
    await world.read(31_000)
    await world.sweep()
    expect((await world.state()).halt?.cause).toBe('gap')
    await retry(world.target, byAnn)
    await world.sweep()
    expect((await world.state()).halt).toBeUndefined()
    await world.read(31_000)
    await world.sweep()
    expect((await world.state()).halt?.cause).toBe('gap')
  })

  test.each([retry, resume])(
    'ends the halt over a gap of which the front has come: the rest has its patience anew (%#)',
    async (act) => {
      const world = await gapAt3('halt')
      await world.read(31_000)
      await world.sweep()
      await world.processing.process(events('a', 3))
      expect((await world.state()).halt?.reason).toBe('numbers 3 to 4 did not come within the patience')
      await act(world.target, byAnn)
      await world.sweep()
      expect(await world.state()).toMatchObject({ position: 3 })
      expect((await world.state()).halt).toBeUndefined()
      await world.read(31_000)
      await world.sweep()
      expect((await world.state()).halt?.reason).toBe('number 4 did not come within the patience')
      expect(await world.imbalances()).toEqual([])
    },
  )

  test('has nothing to do where nothing failed, or nobody is asked', async () => {
    const world = await inOrder()
    await expect(retry(world.target, byAnn)).rejects.toMatchObject({ code: 'operation-refused' })
    const unruled = { ...world.target, domains: new Map() }
    await expect(retry(unruled, byAnn)).rejects.toThrow('nothing of it has failed, and no number is missing')
    const gap = await gapAt3()
    await expect(retry(gap.target, byAnn)).rejects.toThrow('nobody is asked for it')
    await expect(retry({ ...gap.target, domains: new Map() }, byAnn)).rejects.toThrow(
      'retrying a gap needs the rules',
    )
    expect(await world.ledger()).toEqual([])
  })
})

describe('skip', () => {
  test('takes the failed event out as a dead letter, whole, and its followers go on', async () => {
    const world = await failedAt3()
    const done = await skip(world.target, { ...byAnn, sequence: 3 })
    expect(done.after).toMatchObject({ position: 3, held: 2 })
    await world.sweep()
    expect(world.calls.slice(-2)).toEqual(['a:4', 'a:5'])
    expect(await world.deadLetters()).toMatchObject([
      {
        reason: 'skipped',
        sequence: 3,
        attempts: 2,
        payload: { id: 'a-3' },
        detail: 'skipped by ann: the bank is back',
      },
    ])
    const kinds = (await world.ledger()).slice(-2).map(({ kind, by, from }) => [kind, by, from])
    expect(kinds).toEqual([
      ['removed', 'ann', 3],
      ['skipped', 'ann', 3],
    ])
    expect(await world.imbalances()).toEqual([])
    expect((await world.processing.process(events('a', 3)))[0]?.verdict).toBe('duplicate')
  })

  test('gives a gap up: its numbers are lost, and late when they come', async () => {
    const world = await gapAt3()
    await skip(world.target, byAnn)
    await world.sweep()
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:5', 'a:6'])
    expect(await world.ledger()).toMatchObject([
      { kind: 'lost', from: 3, to: 4, by: 'ann', reason: 'the bank is back' },
      { kind: 'skipped', from: 3, to: 4, by: 'ann', before: { position: 2, gap: { from: 3, to: 4 } } },
    ])
    expect((await world.processing.process(events('a', 4)))[0]?.verdict).toBe('late')
    expect(await world.imbalances()).toEqual([])
  })

  test('works on a stream that is unknown, and on a chain without a beginning', async () => {
    const world = new OperatorWorld()
    await world.operated.open()
    await world.processing.process(events('a', 3))
    await skip(world.target, byAnn)
    await world.sweep()
    expect(world.calls).toEqual(['a:3'])
    expect(await world.imbalances()).toEqual([])
    const chain = new OperatorWorld({ numbering: linked() })
    await chain.operated.open()
    await chain.processing.process([event('a', 9, { previous: 7 })])
    await skip(chain.target, { ...byAnn, sequence: 7 })
    await chain.sweep()
    expect(chain.calls).toEqual(['a:9'])
    expect(await chain.imbalances()).toEqual([])
  })

  test('refuses when the stream stands at another number than the operator saw', async () => {
    const world = await gapAt3()
    await world.processing.process(events('a', 3))
    await expect(skip(world.target, { ...byAnn, sequence: 3 })).rejects.toThrow('number 4')
    await skip(world.target, { ...byAnn, sequence: 4 })
    await expect(skip((await failedAt3()).target, { ...byAnn, sequence: 4 })).rejects.toThrow('the event 3')
  })

  test('takes a failed event out where no configuration tells of increasing numbers', async () => {
    const world = new OperatorWorld({ numbering: increasing() })
    await world.operated.open()
    world.failing.add(7)
    await world.processing.process(events('a', 1, 7, 9))
    await world.failAt(7)
    await skip({ ...world.target, domains: new Map() }, { ...byAnn, sequence: 7 })
    await world.sweep()
    expect(world.calls).toEqual(['a:1', 'a:9'])
    expect(await world.deadLetters()).toMatchObject([{ reason: 'skipped', sequence: 7 }])
    expect(await world.imbalances()).toEqual([])
  })

  test('leaves the halt of an operator as it is', async () => {
    const world = await gapAt3()
    await halt(world.target, byAnn)
    expect((await skip(world.target, byAnn)).done).toContain('stays halted')
    await world.sweep()
    expect(world.calls).toEqual(['a:1', 'a:2'])
    await resume(world.target, byAnn)
    await world.sweep()
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:5', 'a:6'])
  })

  test('never skips the event of a newer epoch while a number of this one is missing', async () => {
    const world = await gapAt3('halt')
    await world.read(31_000)
    await world.sweep()
    await world.processing.process([event('a', 1, { epoch: 1 })])
    expect((await skip(world.target, byAnn)).ledger[0]).toMatchObject({
      kind: 'lost',
      epoch: 0,
      from: 3,
      to: 4,
    })
    expect(await world.imbalances()).toEqual([])
  })
})

describe('skipping a gap of which a number has come', () => {
  test('of a halted stream never takes out the event that came', async () => {
    const world = await gapAt3('halt')
    await world.read(31_000)
    await world.sweep()
    await world.processing.process(events('a', 3))
    await expect(skip(world.target, byAnn)).rejects.toThrow('its next event, 3, has come: resume')
    await resume(world.target, byAnn)
    await world.sweep()
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:3'])
    await skip(world.target, byAnn)
    await world.sweep()
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:3', 'a:5', 'a:6'])
  })

  test('gives up only what is missing: an event in the inbox is not lost with it', async () => {
    const world = new OperatorWorld({ heldMax: 2 }, { heldMax: 2 })
    await world.operated.open()
    await world.processing.process(events('a', 1, 5, 6))
    const claim = { consumer, worker: 'w7', streams: [path('a')], mode: 'claim', claimMs: 30_000 } as const
    await world.operated.work(claim, async () => world.processing.process(events('a', 3)))
    await skip(world.target, byAnn)
    await world.sweep()
    expect(world.calls).toEqual(['a:1', 'a:3'])
    await skip(world.target, byAnn)
    await world.sweep()
    expect(world.calls).toEqual(['a:1', 'a:3', 'a:5', 'a:6'])
    expect((await world.state()).counts).toMatchObject({ lost: 2, late: 0 })
    expect(await world.imbalances()).toEqual([])
  })
})

describe('fill', () => {
  test('closes a gap; each number is filled, once', async () => {
    const world = await gapAt3()
    const done = await fill(world.target, { ...byAnn, from: 2, to: 5 })
    expect(done.overlaps).toEqual([
      { from: 2, to: 2, what: 'accounted' },
      { from: 5, to: 5, what: 'held' },
    ])
    expect(done.done).toBe('numbers 2 to 5 will never come; a worker goes on from there')
    await world.sweep()
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:5', 'a:6'])
    expect((await world.state()).counts).toMatchObject({ delivered: 4, filled: 2 })
    expect((await world.ledger()).map(({ kind }) => kind)).toEqual(['fill-given', 'filled'])
    expect(await world.imbalances()).toEqual([])
  })

  test('that says nothing new, or cannot be, changes nothing and says why', async () => {
    const world = await gapAt3()
    const refused = async (from: number, to: number, why: string): Promise<void> => {
      await expect(fill(world.target, { ...byAnn, from, to })).rejects.toThrow(why)
    }
    await refused(1, 2, 'has an account')
    await refused(4, 3, 'fill-not-a-range')
    await refused(5_000_000, 5_000_001, 'spanMax')
    expect(await world.ledger()).toEqual([])
    const chain = new OperatorWorld({ numbering: linked() })
    await chain.operated.open()
    await chain.processing.process([event('a', 9, { previous: null })])
    await expect(fill(chain.target, { ...byAnn, from: 10, to: 11 })).rejects.toThrow('fill-needs-contiguous')
  })

  test('in a later epoch asks where the stream stands, and is never of one too far ahead', async () => {
    const world = await inOrder()
    const wish = { ...byAnn, from: 1, to: 2 }
    await expect(fill(world.target, { ...wish, epoch: 1 })).rejects.toThrow(
      "epoch 1 is later than the stream's, 0, which is over for good once that opens: say that you mean it " +
        'with --expect-position',
    )
    await expect(fill(world.target, { ...wish, epoch: 2 ** 32 - 1, expectPosition: 5 })).rejects.toThrow(
      'epochSpanMax',
    )
    expect(await world.ledger()).toEqual([])
    await fill(world.target, { ...wish, epoch: 1, expectPosition: 5 })
    await world.sweep()
    expect(await world.state()).toMatchObject({ epoch: 1, position: 2 })
  })
})

describe('halt and resume', () => {
  test('what comes is held, and goes on in order', async () => {
    const world = await inOrder()
    await halt(world.target, byAnn)
    await world.processing.process(events('a', 6, 7))
    await world.sweep()
    expect(world.calls).toHaveLength(5)
    await expect(halt(world.target, byAnn)).rejects.toThrow('halted already, by ann')
    await expect(retry(world.target, byAnn)).rejects.toThrow('resume ends that')
    await resume(world.target, byAnn)
    await world.sweep()
    expect(world.calls.slice(5)).toEqual(['a:6', 'a:7'])
    await expect(resume(world.target, byAnn)).rejects.toThrow('not halted')
    expect((await world.ledger()).map(({ kind }) => kind)).toEqual(['halted', 'resumed'])
    expect(await world.imbalances()).toEqual([])
  })

  test('resuming after failures is one more attempt, and halts again if that fails', async () => {
    const world = await failedAt3()
    await resume(world.target, byAnn)
    await world.sweep()
    expect(await world.state()).toMatchObject({ failing: { attempts: 3 }, halt: { cause: 'failure' } })
    world.failing.clear()
    await resume(world.target, byAnn)
    await world.sweep()
    expect(world.calls.slice(-3)).toEqual(['a:3', 'a:4', 'a:5'])
  })
})

describe('every action', () => {
  test('needs a name, a reason, and a stream that is known', async () => {
    const { target } = await inOrder()
    await expect(halt(target, { ...byAnn, reason: ' ' })).rejects.toMatchObject({ code: 'usage' })
    await expect(halt(target, { ...byAnn, by: '' })).rejects.toMatchObject({ code: 'usage' })
    await expect(halt(target, { ...byAnn, stream: path('z') })).rejects.toMatchObject({
      code: 'operation-refused',
    })
  })

  test('is refused where the stream is not where the operator believes it to be', async () => {
    const { target } = await inOrder()
    for (const wrong of [4, '6', '1/5', 'unknown', '0/4']) {
      const refused = halt(target, { ...byAnn, expectPosition: wrong })
      await expect(refused, wrong.toString()).rejects.toMatchObject({ code: 'position-moved' })
    }
    await expect(halt(target, { ...byAnn, expectPosition: 'x' })).rejects.toMatchObject({ code: 'usage' })
    await expect(halt(target, { ...byAnn, expectPosition: 4 })).rejects.toThrow('the position is 5 now')
    await halt(target, { ...byAnn, expectPosition: '0/5' })
    await resume(target, { ...byAnn, expectPosition: 5n })
  })

  test('without the rules of its domain does only what needs none', async () => {
    const world = await gapAt3()
    const blind = { ...world.target, domains: new Map() }
    await expect(skip(blind, byAnn)).rejects.toThrow('--config')
    await expect(fill(blind, { ...byAnn, from: 3, to: 4 })).rejects.toThrow('--config')
    await halt(blind, byAnn)
    await resume(blind, byAnn)
    const failed = await failedAt3()
    await skip({ ...failed.target, domains: new Map() }, byAnn)
    expect(await failed.imbalances()).toEqual([])
  })

  test('waits while a worker has the stream, then says which', async () => {
    const world = await inOrder()
    const claim = { consumer, worker: 'w7', streams: [path('a')], mode: 'claim', claimMs: 30_000 } as const
    await world.operated
      .work(claim, async () => {
        const refused = halt(world.target, { ...byAnn, waitMs: 1_000 }).catch((error: unknown) =>
          String(error),
        )
        await world.timers.advance(2_000)
        expect(await refused).toContain('the worker w7')
        const granted = halt(world.target, { ...byAnn, waitMs: 60_000 })
        setImmediate(() => void world.timers.advance(40_000))
        return { granted }
      })
      .then(async ({ value: { granted } }) => {
        await world.timers.advance(1_000)
        expect((await granted).command).toBe('halt')
      })
  })
})
