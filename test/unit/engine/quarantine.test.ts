// A handler that ends its process runs out of attempts like any other, and takes no innocent event with it.
import { describe, expect, it } from 'vitest'
import { increasing } from '../../../src/core/numbering.ts'
import type { HandlerContext } from '../../../src/engine/domain-options.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import { faultAt } from '../../../src/testing/faults.ts'
import { consumer, event, events, path, verdictsOf } from './engine-world.ts'
import { claimMs, MortalWorld } from './mortal-world.ts'

const both = ['external', 'transaction'] as const

function inOrder(world: MortalWorld, stream: string): readonly string[] {
  const own = world.done.filter((place) => place.startsWith(`${stream}:`))
  return [...new Set(own)]
}

for (const effects of both) {
  describe(`a handler that ends its process, effects: '${effects}'`, () => {
    it('runs out of attempts: its event is a dead letter, all others are delivered (I6, I7)', async () => {
      const world = new MortalWorld(effects, ['a:2'])
      const streams = ['a', 'b', 'c', 'd']
      await world.outlive(streams.flatMap((stream) => events(stream, 1, 2, 3)))
      expect(await world.deadLetters()).toMatchObject([
        { stream: 'account/a', sequence: 2, reason: 'worker-died', attempts: 3 },
      ])
      expect(inOrder(world, 'a')).toEqual(['a:1', 'a:3'])
      for (const stream of streams.slice(1)) {
        expect(inOrder(world, stream)).toEqual([1, 2, 3].map((number) => `${stream}:${number}`))
        expect((await world.stream(stream))?.state).toMatchObject({ position: 3, failing: undefined })
      }
      expect((await world.stream('a'))?.state).toMatchObject({
        position: 3,
        failing: undefined,
        counts: { delivered: 2, removed: 1 },
      })
      // Attempts that nobody could count come before those that are counted, and never without end.
      expect(world.deaths).toBeGreaterThanOrEqual(4)
      expect(world.deaths).toBeLessThanOrEqual(3 + 2)
    })

    it('halts its stream where the policy says so, and is not called again', async () => {
      const world = new MortalWorld(effects, ['a:1'])
      const failure = { attempts: 2, then: 'halt' } as const
      await world.outlive([...events('a', 1, 2), ...events('b', 1)], { failure })
      expect((await world.stream('a'))?.state).toMatchObject({
        position: undefined,
        halt: { cause: 'failure' },
        failing: { attempts: 2, sequence: 1, error: expect.stringContaining('the worker died') as string },
      })
      expect((await world.stream('a'))?.state.failing?.runningBy).toBeUndefined()
      const calls = world.calls.length
      await world.outlive(events('a', 3))
      expect(world.calls.length).toBe(calls)
      // Elsewhere an effect may be repeated after a death; in a transaction it happens once.
      expect(effects === 'transaction' ? world.done : inOrder(world, 'b')).toEqual(['b:1'])
    })

    it('several at once: each is taken out, none of their neighbours is (I6)', async () => {
      const world = new MortalWorld(effects, ['a:1', 'b:2', 'c:3', 'c:4'])
      const streams = ['a', 'b', 'c', 'd', 'e']
      const failure = { attempts: 1, then: 'dead-letter' } as const
      await world.outlive(
        streams.flatMap((stream) => events(stream, 1, 2, 3, 4, 5)),
        { failure },
      )
      const letters = await world.deadLetters()
      expect(letters.map(({ stream, sequence }) => `${stream}:${String(sequence)}`).sort()).toEqual([
        'account/a:1',
        'account/b:2',
        'account/c:3',
        'account/c:4',
      ])
      for (const { reason } of letters) expect(reason).toBe('worker-died')
      for (const stream of streams) expect((await world.stream(stream))?.state.position).toBe(5)
    })
  })
}

for (const effects of both) {
  describe(`an attempt in quarantine, effects: '${effects}'`, () => {
    it('that throws is counted once, and throws and deaths are one count', async () => {
      const world = new MortalWorld(effects, ['a:1'])
      const failure = { attempts: 4, then: 'dead-letter', backoff: 1 } as const
      await world.live((processor) => processor.process(events('b', 1)).then(() => processor.sweep()))
      await world.outlive(events('a', 1), { failure })
      expect(await world.deadLetters()).toMatchObject([{ reason: 'worker-died', attempts: 4 }])
      const thrown: number[] = []
      const throws = (_called: unknown, { attempt }: HandlerContext): void => {
        thrown.push(attempt)
        throw new Error('no')
      }
      const deadly = new MortalWorld(effects, ['a:1'])
      await deadly.live((processor) => processor.sweep().then(() => processor.process(events('a', 1))))
      await deadly.timers.advance(claimMs + 1)
      await deadly.outlive(events('a', 1), { handle: throws, failure: { ...failure, attempts: 3 } })
      expect(thrown).toEqual([1, 2, 3])
      expect(await deadly.deadLetters()).toMatchObject([{ reason: 'failed', attempts: 3 }])
    })

    it('counts the quarantine down, until deliveries are plain again', async () => {
      const world = new MortalWorld(effects, ['a:1'])
      const options = { batch: 2 }
      await world.live(
        (processor) => processor.sweep().then(() => processor.process(events('a', 1))),
        {},
        options,
      )
      world.deadly.clear()
      await world.timers.advance(claimMs + 1)
      const commits: number[] = []
      await world.live(
        async (processor) => {
          await processor.sweep()
          for (let sequence = 1; sequence <= 12; sequence++) {
            const before = world.commits
            expect(verdictsOf(await processor.process(events('a', sequence)))).toEqual(['deliver'])
            commits.push(world.commits - before)
          }
        },
        {},
        options,
      )
      expect(commits.at(0)).toBeGreaterThan(1)
      expect(commits.at(-1)).toBe(1)
      expect((await world.stream('a'))?.state).toMatchObject({
        quarantine: 0,
        failing: undefined,
        position: 12,
      })
    })

    const company = effects === 'external' ? 'one event at a time' : 'what is in company'
    it(`calls handleBatch with ${company}`, async () => {
      const world = new MortalWorld(effects, ['a:1'])
      await world.live((processor) => processor.sweep().then(() => processor.process(events('a', 1, 2))))
      await world.timers.advance(claimMs + 1)
      const sizes: number[] = []
      const handleBatch = (batch: readonly unknown[]): void => void sizes.push(batch.length)
      await world.outlive(events('a', 1, 2, 3), { handle: undefined, handleBatch })
      expect(sizes).toEqual(effects === 'external' ? [1, 1, 1] : [3])
      expect((await world.stream('a'))?.state.position).toBe(3)
    })

    it('whose commit fails is made again, and nothing is lost (I3, I10)', async () => {
      for (let nth = 1; nth <= 8; nth++) {
        const world = new MortalWorld(effects, ['a:2'])
        const work = (processor: Processor): Promise<unknown> =>
          processor.sweep().then(() => processor.process([...events('a', 1, 2, 3), ...events('b', 1, 2)]))
        await world.live(work)
        world.deadly.clear()
        await world.timers.advance(claimMs + 1)
        const method = effects === 'external' ? 'unit.commit' : 'work'
        world.plan = faultAt(method, nth, { fail: nth % 2 === 0 ? 'after' : 'before' })
        await world.live(work).catch(() => undefined)
        world.plan = () => undefined
        await world.outlive([...events('a', 1, 2, 3), ...events('b', 1, 2)])
        expect(await world.deadLetters()).toEqual([])
        for (const [stream, last] of [
          ['a', 3],
          ['b', 2],
        ] as const) {
          expect((await world.stream(stream))?.state).toMatchObject({ position: last, failing: undefined })
        }
        const done = effects === 'transaction' ? world.done : [...new Set(world.done)]
        expect(done.toSorted()).toEqual(['a:1', 'a:2', 'a:3', 'b:1', 'b:2'])
      }
    })

    it('stands in the store before the handler starts: who runs it, until when', async () => {
      const world = new MortalWorld(effects, ['a:1'])
      const work = (processor: Processor): Promise<unknown> =>
        processor.sweep().then(() => processor.process(events('a', 1)))
      await world.live(work)
      await world.timers.advance(claimMs + 1)
      await world.live((processor) => work(processor).then(() => processor.sweep()))
      expect(world.deaths).toBe(2)
      const { state, due } = (await world.stream('a')) ?? {}
      // A claim of one stream that finds no handler running makes its attempt alone.
      const attempts = effects === 'external' ? 1 : 0
      expect(state).toMatchObject({
        position: undefined,
        heldCount: 1,
        suspects: 1,
        failing: { sequence: 1, attempts, runningBy: expect.stringContaining('life-2#') as string },
      })
      expect(due?.at).toBe(state?.failing?.retryAt)
      expect(due?.at).toBeGreaterThan(world.now)
    })
  })
}

describe('after a death in a transaction', () => {
  it('a worker that left by itself is not missed, and nothing is in quarantine', async () => {
    const world = new MortalWorld('transaction', [])
    await world.live((processor) => processor.sweep())
    await world.timers.advance(60_000)
    await world.live((processor) => processor.sweep())
    expect(world.told('workers-died')).toEqual([])
    const dead = new MortalWorld('transaction', ['a:1'])
    await dead.live((processor) => processor.sweep().then(() => processor.process(events('a', 1))))
    await dead.timers.advance(60_000)
    await dead.live((processor) => processor.sweep())
    expect(dead.told('workers-died')).toEqual([{ kind: 'workers-died', workers: ['life-1'] }])
  })

  it('an attempt that somebody else has ended meanwhile is not made (I5)', async () => {
    const world = new MortalWorld('transaction', ['a:1'])
    const work = (processor: Processor): Promise<unknown> =>
      processor.sweep().then(() => processor.process(events('a', 1)))
    await world.live(work)
    await world.timers.advance(claimMs + 1)
    world.deadly.clear()
    let begun = 0
    world.plan = ({ method, nth }) => {
      if (method === 'work' && nth > 1 && begun === 0) begun = nth
      return undefined
    }
    // Between the transaction that begins and the one that runs, an operator sends the stream on.
    world.between = async (store) => {
      const request = { consumer, worker: 'op', streams: [path('a')], mode: 'claim', claimMs: 1_000 } as const
      await store.work(request, async (unit) => {
        const state = unit.streams.get(path('a'))?.state
        if (state?.failing?.runningBy === undefined) return
        const { runningBy: _runningBy, ...failing } = state.failing
        const records = { hold: [], release: [], decided: [], deadLetters: [], redriven: [], ledger: [] }
        const change = { stream: path('a'), state: { ...state, failing }, deliveries: 0, due: {}, ...records }
        await unit.commit({ streams: [change] })
      })
    }
    const calls = world.calls.length
    await world.live(work)
    expect(world.calls.length).toBe(calls)
    expect((await world.stream('a'))?.state.failing?.runningBy).toBeUndefined()
  })
})

it('a domain paused between beginning and run makes what was begun, and no others', async () => {
  const world = new MortalWorld('transaction', ['a:1'])
  const work = (processor: Processor): Promise<unknown> =>
    processor.sweep().then(() => processor.process(events('a', 1, 2, 3)))
  await world.live(work)
  await world.timers.advance(claimMs + 1)
  world.deadly.clear()
  world.between = async (store) => {
    const { state } = (await world.stream('a')) ?? {}
    if (state?.failing?.runningBy === undefined) return
    await store.record(consumer, { paused: [{ domain: 'account', paused: true }] })
  }
  await world.outlive(events('a', 1, 2, 3), {}, { batch: 2 })
  expect(world.done).toEqual(['a:1', 'a:2'])
  expect((await world.stream('a'))?.state).toMatchObject({ position: 2, failing: undefined, heldCount: 1 })
})

it('a lower number that comes between beginning and run is handled first; nothing spins (I1)', async () => {
  const world = new MortalWorld('transaction', ['a:8'])
  const fields = { numbering: increasing() }
  const work = (processor: Processor): Promise<unknown> =>
    processor.sweep().then(() => processor.process(events('a', 8)))
  for (let lives = 0; lives < 2; lives++) {
    await world.live(work, fields)
    await world.timers.advance(claimMs + 1)
  }
  world.deadly.clear()
  // Somebody else is told of the deaths: only the attempt that was begun asks for quarantine.
  await world.memory.open()
  await world.memory.heartbeat(consumer, 'other', { silentMs: 1 })
  let isHeld = false
  world.between = async (store) => {
    const { state } = (await world.stream('a')) ?? {}
    if (isHeld || state?.failing?.runningBy?.startsWith('life-3') !== true) return
    isHeld = true
    const other = world.processor(fields, { store })
    expect(verdictsOf(await other.process(events('a', 5)))).toEqual(['hold'])
  }
  await world.outlive(events('a', 8), fields)
  expect(isHeld).toBe(true)
  expect(world.done).toEqual(['a:5', 'a:8'])
})

it('no gap is ended in front of an event that is in turn and in quarantine (I8)', async () => {
  for (const effects of both) {
    const world = new MortalWorld(effects, ['a:2'])
    const fields = { gap: { patience: 1_000, then: 'halt' } } as const
    const work = (processor: Processor): Promise<unknown> =>
      processor.sweep().then(() => processor.process(events('a', 1, 2)))
    await world.live(work, fields)
    await world.timers.advance(claimMs + 1)
    await world.live((processor) => processor.sweep().then(() => work(processor)), fields)
    world.deadly.clear()
    const later = [event('a', 4), event('a', 1, { epoch: 1 })]
    await world.timers.advance(claimMs + 1)
    await world.live((processor) => processor.process(later), fields)
    await world.read(10_000)
    await world.outlive([], fields)
    expect((await world.stream('a'))?.state).toMatchObject({ epoch: 1, position: 1, halt: undefined })
  }
})
