// A producer that counts again, as operators meet it: what status and explain say, what each answer to it
// loses and keeps, and the commands that are printed work as they stand.
import { describe, expect, test } from 'vitest'
import type { ResetAnswer } from '../../../src/core/rules.ts'
import { makeEngine } from '../../../src/engine/processor-options.ts'
import { explanationLines } from '../../../src/operate/explain-text.ts'
import type { Explanation } from '../../../src/operate/explain.ts'
import { explainStream } from '../../../src/operate/explain.ts'
import { readHealth } from '../../../src/operate/health.ts'
import { halt, openEpoch, resume, retry, skip } from '../../../src/operate/operate-stream.ts'
import { seek } from '../../../src/operate/seek.ts'
import { consumer, domain, event, path, verdictsOf } from '../engine/engine-world.ts'
import type { DomainShape } from '../engine/engine-world.ts'
import { WorkerWorld } from '../engine/worker-world.ts'
import { byAnn, OperatorWorld } from './operator-world.ts'

/** Events of a run of the producer: numbers from 1, a second apart. */
function run(
  name: string,
  begin: string,
  ...sequences: readonly number[]
): readonly Record<string, unknown>[] {
  return sequences.map((sequence) =>
    event('a', sequence, {
      id: `${name}-${sequence}`,
      time: new Date(Date.parse(begin) + sequence * 1_000).toISOString(),
    }),
  )
}

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at + 1)
const first = run('one', '1970-01-01T00:00:00Z', ...upTo(40))
const second = run('two', '1970-01-02T00:00:00Z', ...upTo(40))

class RestartWorld extends OperatorWorld {
  constructor(onReset: ResetAnswer, fields: DomainShape = {}) {
    super({ onReset }, { onReset, ...fields })
  }

  async explain(): Promise<Explanation> {
    const stored = await this.stream('a')
    if (stored === undefined) throw new Error('the stream is not known')
    return explainStream({ reader: this.operated.reader, consumer }, stored, this.target.domains)
  }

  async words(): Promise<string> {
    return explanationLines(await this.explain(), { hasCommand: () => true }).join('\n')
  }

  async take(events: readonly unknown[]): Promise<readonly string[]> {
    await this.operated.open()
    return [...new Set(verdictsOf(await this.processing.process(events)))]
  }
}

describe("onReset: 'tell', the default", () => {
  test('is said in explain, health and telemetry, with the command', async () => {
    const world = new RestartWorld('tell')
    await world.take(first)
    expect(await world.take(first)).toEqual(['duplicate'])
    expect((await world.explain()).restart).toBeUndefined()
    expect(await world.take(second.slice(0, 24))).toEqual(['duplicate'])
    expect(await world.words()).toContain(
      [
        '  it stands at 40; the next number is 41',
        '  its producer may have started to count again: numbers 1 to 24 came once more, and are no copies',
        '    made 1970-01-02T00:00:01.000Z to 1970-01-02T00:00:24.000Z, later than all that was accepted',
        '    first seen 1970-01-01 00:16:40Z (0 s ago); 24 of them settled as duplicates',
        '    a producer that counts again writes a new epoch: "epoch": 1',
      ].join('\n'),
    )
    expect(await world.words()).toContain(
      [
        '  it counts again: what was made from 1970-01-02T00:00:01.000Z on is of epoch 1:',
        '    inturn seek account/a --new-epoch --expect-position 40 --reason "..."',
        '  it does not: what bears a used number is a duplicate, or, with another id than known, a conflict:',
        '    inturn resume account/a --expect-position 40 --reason "..."',
      ].join('\n'),
    )
    expect(await world.words()).toContain('Duplicates: 64, ')
    const { items } = await readHealth({ reader: world.operated.reader, consumer }, new Map())
    expect(items).toMatchObject([{ kind: 'restarted', stream: path('a') }])
    expect(world.news.filter(({ kind }) => kind === 'producer-restarted')).toEqual([
      { kind: 'producer-restarted', stream: path('a'), epoch: 0, sequence: 1, evidence: 'time' },
    ])
    expect(await world.imbalances()).toEqual([])
  })

  test('opened by the operator, what is sent again is delivered, and old copies are duplicates', async () => {
    const world = new RestartWorld('tell')
    await world.take([...first, ...second.slice(0, 24)])
    const { done } = await openEpoch(world.target, { ...byAnn, expectPosition: 40 })
    expect(await world.words()).toContain('from 1970-01-02T00:00:01.000Z on is of epoch 1, which opens with')
    expect(done).toMatch(/is of epoch 1 from now on; 24 events .* were settled as duplicates/)
    expect(await world.take([...first, ...second])).toEqual(['duplicate', 'deliver'])
    expect(world.calls).toHaveLength(80)
    expect(await world.state()).toMatchObject({ epoch: 1, position: 40 })
    expect(await world.words()).toContain('it stands at 40 of epoch 1 (epoch 0 as its producer writes it)')
    expect(await world.imbalances()).toEqual([])
    expect((await world.ledger()).map(({ kind, by }) => `${kind} by ${by}`)).toEqual(['epoch-opened by ann'])
  })

  test('what came of the new run as a conflict is told, before its epoch is open and after', async () => {
    const world = new RestartWorld('tell')
    expect(await world.take([...first, ...second])).toEqual(['deliver', 'duplicate', 'conflict'])
    const told = [
      'Dead letters: 16 conflict',
      '  another event came under a used number (conflict), and was not handled: ' +
        '36, 37, 38, 39, 40 and 11 more',
      '    what its new run made of them has to be sent again, once its epoch is open',
    ].join('\n')
    expect(await world.words()).toContain(told)
    expect(await world.words()).not.toContain('they are copies')
    const { done } = await openEpoch(world.target, byAnn)
    expect(done).toContain('what is a dead letter (conflict) has no place in it: have them sent again')
    expect(await world.words()).toContain(told)
    expect(await world.take(second)).toEqual(['deliver'])
    expect(await world.words()).toContain(told)
  })

  test('a conflict of two producers is told as one', async () => {
    const world = new RestartWorld('tell')
    await world.take([event('a', 1, { id: 'x' }), event('a', 2), event('a', 2, { id: 'y' })])
    expect(await world.words()).toContain(
      '(conflict), and was not handled: 2\n    two producers may have used one number',
    )
    expect((await world.explain()).conflictLetters).toMatchObject([{ sequence: 2, reason: 'conflict' }])
  })

  test('without any signs an operator says since when', async () => {
    const world = new RestartWorld('tell')
    await world.take(first)
    await expect(openEpoch(world.target, byAnn)).rejects.toThrow(/say since when, with --since/)
    await openEpoch(world.target, { ...byAnn, since: Date.parse('1970-01-02T00:00:00Z') })
    expect(await world.take(second)).toEqual(['deliver'])
  })

  test('where nothing tells the runs apart, the producer has to', async () => {
    const world = new RestartWorld('tell')
    const plain = (name: string): readonly unknown[] =>
      upTo(40).map((n) => event('a', n, { id: `${name}-${n}` }))
    await world.take([...plain('one'), ...plain('two').slice(0, 1)])
    expect(await world.words()).toContain('the first number came with another id than before')
    expect(await world.words()).not.toContain('--new-epoch')
    await expect(openEpoch(world.target, byAnn)).rejects.toThrow(/have the producer write "epoch": 1/)
  })
})

describe("onReset: 'halt'", () => {
  test('I3: what may be new stays with its source, whatever its number, until it is opened', async () => {
    const world = new RestartWorld('halt')
    await world.take(first)
    expect(await world.take(second)).toEqual(['refuse'])
    expect(await world.take(run('two', '1970-01-02T00:00:00Z', 41))).toEqual(['refuse'])
    expect(await world.take(run('one', '1970-01-01T00:00:00Z', 41))).toEqual(['hold'])
    expect(await world.words()).toContain('It is halted: its producer seems to have started to count again.')
    expect(await world.words()).toContain('what may be new stays with its source, or in the inbox')
    await openEpoch(world.target, byAnn)
    await world.sweep()
    expect(world.calls).toHaveLength(41)
    expect(await world.take(second)).toEqual(['deliver'])
    expect(await world.state()).toMatchObject({ epoch: 1, position: 40, halt: undefined })
    expect(await world.deadLetters()).toEqual([])
    expect(await world.imbalances()).toEqual([])
  })

  test('an operator may say that they are copies', async () => {
    const world = new RestartWorld('halt')
    await world.take(first)
    await world.take(second.slice(0, 24))
    await resume(world.target, byAnn)
    expect(await world.take(second.slice(0, 24))).toEqual(['duplicate'])
    expect(await world.state()).toMatchObject({ halt: undefined, restart: undefined, position: 40 })
  })

  test('neither retry nor skip nor a seek ends it unsaid', async () => {
    const world = new RestartWorld('halt')
    await world.take([...first, ...second.slice(0, 1), ...run('one', '1970-01-01T00:00:00Z', 43)])
    await expect(retry(world.target, byAnn)).rejects.toThrow(/seek --new-epoch says that it does/)
    await expect(halt(world.target, byAnn)).rejects.toThrow(/over a producer that may count again/)
    await skip(world.target, byAnn)
    await seek(world.target, { ...byAnn, to: 44 })
    expect((await world.state()).halt?.cause).toBe('restart')
  })

  test('what came to the inbox meanwhile is decided by its time like all else', async () => {
    const world = new RestartWorld('halt')
    await world.take(first)
    await world.take(second.slice(0, 1))
    const options = world.options({ domains: { account: domain({ onReset: 'halt', handle: world.note }) } })
    await options.store.open()
    const { engine } = makeEngine(options)
    const refused = second.slice(0, 20).map((message, at) => {
      return { delivery: { message }, place: { epoch: 0, sequence: at + 1 }, isPlaced: true }
    })
    await engine.keep(refused, () => undefined)
    await world.sweep()
    const inboxSize = async () => (await options.store.reader.stream(consumer, path('a')))?.inbox?.arrivals
    expect(await inboxSize()).toBe(20)
    const handedOver = second
      .slice(20, 30)
      .map((arrival) => ({ stream: path('a'), arrival: { ...arrival, epoch: 0 } }))
    await world.operated.handOver(consumer, handedOver as never)
    await openEpoch(world.target, byAnn)
    await world.sweep()
    expect(await world.state()).toMatchObject({ epoch: 1, position: 30 })
    expect(await inboxSize()).toBeUndefined()
    expect(await world.deadLetters()).toEqual([])
    expect(await world.imbalances()).toEqual([])
  })
})

describe("onReset: 'epoch'", () => {
  test('opens the next epoch where it is certain, and a failing event keeps its place in it', async () => {
    const world = new RestartWorld('epoch')
    await world.take(first)
    world.failing.add(2)
    expect(await world.take(second.slice(0, 5))).toEqual(['deliver', 'hold'])
    world.failing.clear()
    await world.timers.advance(60_000)
    await world.sweep()
    expect(await world.take([...second, ...first])).toEqual(['duplicate', 'deliver'])
    expect(world.calls).toHaveLength(80)
    expect(await world.imbalances()).toEqual([])
    expect((await world.ledger()).map(({ kind, epoch }) => `${kind} ${epoch}`)).toEqual(['epoch-opened 1'])
    expect(world.news.filter(({ kind }) => kind === 'epoch-opened')).toHaveLength(1)
  })

  test('no history is taken for another run: a stream with runs is not moved back', async () => {
    const world = new RestartWorld('epoch')
    await world.take([...first, ...second])
    const back = { ...byAnn, to: 3, expectPosition: 40 }
    await expect(seek(world.target, back)).rejects.toThrow(/a history does not tell the runs apart/)
  })

  test('whoever heals a gap of a new run is asked for the epoch that its producer writes', async () => {
    const asked: unknown[] = []
    const healer = {
      name: 'history',
      heal: async ({ epoch, from }: { epoch: number; from: number }) => {
        asked.push([epoch, from])
        return [...first, ...second].filter(({ sequence }) => sequence === from)
      },
    }
    const world = new WorkerWorld()
    await world.source.push([...first, ...second.filter(({ sequence }) => sequence !== 7)])
    await world.runOut(world.worker({ onReset: 'epoch', gap: { heal: { with: healer, after: 0 } } }))
    await world.until(() => world.calls.length === 80)
    expect(asked).toEqual([[0, 7]])
  })

  test('a worker that reads both runs from a log delivers both, and settles all of it', async () => {
    const world = new WorkerWorld()
    const producer = (name: string) =>
      upTo(30).map((n) => event('a', n, { id: `${name}${n}`, made: { by: name } }))
    const shuffled = [...producer('p2')].sort(
      (a, b) => (Number(a['sequence']) % 7) - (Number(b['sequence']) % 7),
    )
    await world.source.push([...producer('p1'), ...shuffled, ...producer('p1')])
    await world.runOut(world.worker({ onReset: 'epoch', producer: 'made.by' }))
    expect(world.calls).toHaveLength(60)
    expect(world.settled).toHaveLength(90)
  })
})
