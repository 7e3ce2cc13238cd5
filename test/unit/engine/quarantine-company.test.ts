// After a death in a transaction: what its worker may have had in hand goes on in company, quickly; a death
// in company makes suspects, which are tried alone; and nobody is blamed for what ran beside (I6, I7).
import { describe, expect, it } from 'vitest'
import type { StreamState } from '../../../src/core/stream-state.ts'
import type { HandlerContext } from '../../../src/engine/domain-options.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import type { Store } from '../../../src/ports/store.ts'
import type { EffectTransaction } from '../../simulation/effect-logs.ts'
import type { Produced } from '../../simulation/produced.ts'
import { consumer, event, events, path, sweepAll, verdictsOf } from './engine-world.ts'
import { claimMs, MortalWorld } from './mortal-world.ts'

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => `s${at}`)

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at + 1)

function sweepAndProcess(given: readonly unknown[]): (processor: Processor) => Promise<unknown> {
  return (processor) => processor.sweep().then(() => processor.process(given))
}

/** Lets one worker after the other die of what is deadly; the last death is old enough to be noticed. */
async function diesOf(world: MortalWorld, given: readonly unknown[], lives: number): Promise<void> {
  for (let life = 0; life < lives; life++) {
    expect(await world.live(sweepAndProcess(given))).toBe('died')
    await world.timers.advance(claimMs + 1)
  }
}

/** Changes the state of a stream behind the engine's back. */
async function rewrite(
  store: Store,
  stream: string,
  change: (state: StreamState) => StreamState,
): Promise<void> {
  const request = { consumer, worker: 'op', streams: [path(stream)], mode: 'claim', claimMs: 1_000 } as const
  await store.work(request, async (unit) => {
    const state = unit.streams.get(path(stream))?.state
    if (state === undefined) throw new Error('another worker has it')
    const records = { hold: [], release: [], decided: [], deadLetters: [], redriven: [], ledger: [] }
    const one = { stream: path(stream), state: change(state), deliveries: 0, due: { at: 0 }, ...records }
    await unit.commit({ streams: [one] })
  })
}

type Acting = HandlerContext & { readonly transaction: EffectTransaction }

function write({ transaction }: Acting, text: string): void {
  transaction.write({ produced: { message: { text } } as unknown as Produced, isRedrive: false })
}

describe('what a dead worker can have had in hand', () => {
  const backlogs = [
    ['of many streams', names(1_500).flatMap((name) => events(name, 1))],
    ['of some streams', numbers(15).flatMap((number) => names(100).map((name) => event(name, number)))],
    ['of one stream', events('s0', ...numbers(1_500))],
  ] as const

  it.each(backlogs)('takes few transactions: 1,500 deliveries %s', async (_of, backlog) => {
    const world = new MortalWorld('transaction', ['a:1'])
    // Two side by side: three batches are in quarantine.
    world.transactionsMax = 2
    await diesOf(world, events('a', 1), 1)
    world.deadly.clear()
    let verdicts: readonly string[] = []
    let transactions = 0
    await world.live(async (processor) => {
      await processor.sweep()
      const before = world.commits
      verdicts = verdictsOf(await processor.process(backlog))
      await sweepAll(processor)
      transactions = world.commits - before
    })
    expect(new Set(verdicts)).toEqual(new Set(['deliver']))
    expect(world.done.length).toBe(1_500)
    expect(new Set(world.done).size).toBe(1_500)
    // One delivery after another they were up to 3,000; companies of 64, and one more a batch.
    expect(transactions).toBeLessThan(40)
  })

  it('is marked in the store before the handlers start, uncounted', async () => {
    const world = new MortalWorld('transaction', ['a:2'])
    const given = [...events('a', 1, 2, 3), ...events('b', 1)]
    await diesOf(world, given, 2)
    const failing = { sequence: 1, attempts: 0, runningBy: expect.stringContaining('life-2#') as string }
    const marks = { position: undefined, suspects: 3, quarantine: 3, heldCount: 3, failing }
    expect((await world.stream('a'))?.state).toMatchObject(marks)
    expect((await world.stream('b'))?.state).toMatchObject({ suspects: 1, quarantine: 1, failing })
    expect(world.done).toEqual([])
  })

  it('is marked as far as its handler is called', async () => {
    const world = new MortalWorld('transaction', ['a:4'])
    const filter = ({ sequence }: { readonly sequence?: unknown }): boolean => Number(sequence) % 2 === 0
    for (let life = 0; life < 2; life++) {
      await world.live(sweepAndProcess(events('a', 1, 2, 3, 4)), { filter })
      await world.timers.advance(claimMs + 1)
    }
    const failing = { sequence: 2, attempts: 0 }
    expect((await world.stream('a'))?.state).toMatchObject({ position: 1, suspects: 2, failing })
  })

  it('has at most 64 in company, of one stream or of many', async () => {
    const many = new MortalWorld('transaction', ['s9:1'])
    await diesOf(
      many,
      names(100).flatMap((name) => events(name, 1)),
      2,
    )
    const states = await Promise.all(names(100).map(async (name) => (await many.stream(name))?.state))
    expect(states.filter((state) => state?.suspects === 1).length).toBe(64)
    const one = new MortalWorld('transaction', ['a:9'])
    await diesOf(one, events('a', ...numbers(100)), 2)
    expect((await one.stream('a'))?.state).toMatchObject({ suspects: 64, heldCount: 100 })
  })

  it('goes on in company with what is filtered among it, and ends unmarked', async () => {
    const world = new MortalWorld('transaction', ['a:1'])
    await diesOf(world, events('a', 1), 1)
    world.deadly.clear()
    const filter = ({ sequence }: { readonly sequence?: unknown }): boolean => Number(sequence) % 3 === 0
    await world.live(sweepAndProcess(events('a', ...numbers(30))), { filter }, { batch: 5 })
    expect(world.done).toEqual([3, 6, 9, 12, 15, 18, 21, 24, 27, 30].map((number) => `a:${number}`))
    const counts = { delivered: 10, filtered: 20 }
    const state = { position: 30, quarantine: 0, suspects: 0, failing: undefined, counts }
    expect((await world.stream('a'))?.state).toMatchObject(state)
  })

  it('stops where a handler throws, which makes nobody a suspect', async () => {
    const world = new MortalWorld('transaction', ['a:1'])
    await diesOf(world, events('a', 1), 1)
    world.deadly.clear()
    const handle = ({ stream, sequence }: Record<string, unknown>, context: Acting): void => {
      if (stream === 'a' && sequence === 2) throw new Error('no')
      write(context, `${String(stream)}:${String(sequence)}`)
    }
    await world.live(sweepAndProcess([...events('a', 1, 2, 3), ...events('b', 1, 2, 3)]), { handle })
    expect(world.done).toEqual(['a:1', 'b:1', 'b:2', 'b:3'])
    const failing = { sequence: 2, attempts: 1, error: 'Error: no' }
    const state = (await world.stream('a'))?.state
    expect(state).toMatchObject({ position: 1, quarantine: 0, suspects: 0, heldCount: 2, failing })
    expect(state?.failing?.runningBy).toBeUndefined()
    expect((await world.stream('b'))?.state).toMatchObject({ position: 3, quarantine: 0, suspects: 0 })
  })

  it('is left alone by other workers between its two transactions (I5)', async () => {
    const world = new MortalWorld('transaction', ['a:1'])
    await diesOf(world, events('a', 1), 1)
    world.deadly.clear()
    const said: string[] = []
    world.between = async (store) => {
      const { state } = (await world.stream('b')) ?? {}
      if (said.length > 0 || state?.failing?.runningBy === undefined) return
      said.push('begun')
      const other = world.processor({}, { store })
      said.push(...verdictsOf(await other.process(events('b', 1, 3))))
    }
    await world.live(sweepAndProcess([...events('a', 1), ...events('b', 1, 2)]))
    expect(said).toEqual(['begun', 'duplicate', 'hold'])
    expect(world.done).toEqual(['a:1', 'b:1', 'b:2', 'b:3'])
  })
})

describe('after a death in company', () => {
  it('each suspect is tried alone, and only what is deadly is counted', async () => {
    const world = new MortalWorld('transaction', ['b:2'])
    const given = ['a', 'b', 'c'].flatMap((stream) => events(stream, 1, 2, 3))
    await world.outlive(given)
    const letter = { stream: 'account/b', sequence: 2, reason: 'worker-died', attempts: 3 }
    expect(await world.deadLetters()).toMatchObject([letter])
    // Once without quarantine, once in company, and then as often as it has attempts.
    expect(world.attempts.filter((call) => call.startsWith('b:2'))).toEqual(
      [1, 1, 1, 2, 3].map((attempt) => `b:2@${attempt}`),
    )
    const others = world.attempts.filter((call) => !call.startsWith('b:2'))
    expect(others.filter((call) => !call.endsWith('@1'))).toEqual([])
    for (const stream of ['a', 'b', 'c']) {
      const state = { position: 3, suspects: 0, failing: undefined }
      expect((await world.stream(stream))?.state).toMatchObject(state)
    }
    expect(world.done.toSorted()).toEqual(['a:1', 'a:2', 'a:3', 'b:1', 'b:3', 'c:1', 'c:2', 'c:3'])
  })

  it('no suspect shares its transaction with what is none: that would be blamed on it', async () => {
    const world = new MortalWorld('transaction', ['a:1'])
    const failure = { attempts: 1, then: 'dead-letter' } as const
    // Companies of one: a:1 is a suspect, and a:2 is not.
    for (let life = 0; life < 2; life++) {
      await world.live(sweepAndProcess(events('a', 1, 2, 3)), { failure }, { batch: 1 })
      await world.timers.advance(claimMs + 1)
    }
    expect((await world.stream('a'))?.state).toMatchObject({ suspects: 1 })
    world.deadly.clear()
    world.deadly.add('a:2')
    await world.outlive(events('a', 1, 2, 3), { failure }, { batch: 1 })
    expect(await world.deadLetters()).toMatchObject([{ sequence: 2, reason: 'worker-died' }])
    expect(world.done).toEqual(['a:1', 'a:3'])
  })

  it('what is no suspect goes on in company', async () => {
    const world = new MortalWorld('transaction', ['a:3'])
    const given = events('a', ...numbers(400))
    await diesOf(world, given, 2)
    world.deadly.clear()
    const before = world.commits
    await world.live(sweepAndProcess([]))
    expect((await world.stream('a'))?.state).toMatchObject({ position: 400, quarantine: 0, suspects: 0 })
    // One for each of the 64 suspects, and one for every 64 of the others.
    expect(world.commits - before).toBeLessThan(64 + 20)
  })

  it('an operator who resumes a stream that it has halted gives the event one more attempt', async () => {
    const world = new MortalWorld('transaction', ['a:1'])
    const failure = { attempts: 1, then: 'halt' } as const
    await world.outlive(events('a', 1, 2), { failure })
    expect((await world.stream('a'))?.state).toMatchObject({ halt: { cause: 'failure' }, suspects: 2 })
    world.deadly.clear()
    await rewrite(world.memory, 'a', (state) => {
      const { failing } = state
      if (failing === undefined) throw new Error('it has not failed')
      return { ...state, halt: undefined, failing: { ...failing, retryAt: world.now } }
    })
    await world.outlive([], { failure })
    expect(world.done).toEqual(['a:1', 'a:2'])
  })

  it('of two transactions side by side, the suspects of both are tried alone', async () => {
    const world = new MortalWorld('transaction', ['s70:1', 's7:2'])
    world.transactionsMax = 2
    const given = [1, 2, 3].flatMap((number) => names(120).map((name) => event(name, number)))
    const failure = { attempts: 1, then: 'dead-letter' } as const
    await world.outlive(given, { failure }, { batch: 60 })
    const letters = (await world.deadLetters()).map(({ stream, sequence }) => `${stream}:${String(sequence)}`)
    expect(letters.toSorted()).toEqual(['account/s70:1', 'account/s7:2'])
    expect(world.done.length).toBe(358)
    expect(new Set(world.done).size).toBe(358)
  })

  it('a suspect that throws leaves those behind it suspects', async () => {
    const world = new MortalWorld('transaction', ['a:3'])
    await diesOf(world, events('a', 1, 2, 3), 2)
    world.deadly.clear()
    const handle = ({ sequence }: Record<string, unknown>): void => {
      if (sequence === 2) throw new Error('no')
    }
    await world.live(sweepAndProcess([]), { handle })
    const failing = { sequence: 2, attempts: 1, error: 'Error: no' }
    expect((await world.stream('a'))?.state).toMatchObject({ position: 1, suspects: 1, failing })
  })

  it('a mark of an earlier version, which had no count, is one suspect', async () => {
    const world = new MortalWorld('transaction', ['a:1'])
    await diesOf(world, events('a', 1), 2)
    await world.memory.open()
    await rewrite(world.memory, 'a', (state) => ({ ...state, quarantine: 0, suspects: 0 }))
    await diesOf(world, [], 1)
    expect((await world.stream('a'))?.state).toMatchObject({ suspects: 1, failing: { attempts: 1 } })
  })
})
