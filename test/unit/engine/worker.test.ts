// The worker: reads, settles last, waits failures out, says that it reads, and ends as it is told to.
import { describe, expect, it } from 'vitest'
import { InturnError } from '../../../src/core/errors.ts'
import type { InturnEvent } from '../../../src/core/event.ts'
import { aroundStore } from '../../../src/ports/around-store.ts'
import type { Checkpoint } from '../../../src/ports/source.ts'
import type { SourceMethod } from '../../../src/testing/around-source.ts'
import { faultAt, faultySource } from '../../../src/testing/faults.ts'
import { consumer, event, events, Gate } from './engine-world.ts'
import { WorkerWorld } from './worker-world.ts'

describe('until caught up', () => {
  it('everything that can be delivered is, and the worker ends', async () => {
    const world = new WorkerWorld()
    await world.source.push([...events('a', 2, 1, 3), ...events('b', 1, 5)])
    await world.runOut(world.worker())
    expect(world.calls.toSorted()).toEqual(['a:1', 'a:2', 'a:3', 'b:1'])
    expect(world.source.unsettled).toBe(0)
    expect(world.sourceCalls.at(-1)).toBe('close')
  })

  it('waits for no sweep that is due later', async () => {
    const world = new WorkerWorld()
    await world.source.push(events('a', 1, 2))
    await world.runOut(world.worker({}, { sweepEvery: '1h' }))
    expect(world.calls).toEqual(['a:1', 'a:2'])
    expect(world.timers.elapsedMs()).toBeLessThan(60_000)
  })

  it('ends where a sweep takes longer than until the next one is due', async () => {
    const world = new WorkerWorld()
    const store = aroundStore(world.store(), async ({ method }, run) => {
      if (method === 'due') await world.timers.sleep(400)
      return run()
    })
    await world.source.push(events('a', 1, 2))
    await world.runOut(world.worker({}, { store, sweepEvery: '250ms' }))
    expect(world.calls).toEqual(['a:1', 'a:2'])
  })

  it('waits for retries, and for events that come in turn by them', async () => {
    const world = new WorkerWorld()
    let failures = 3
    const handle = (called: InturnEvent): void => {
      if (called.sequence === 1 && failures-- > 0) throw new Error('not yet')
      world.note(called)
    }
    await world.source.push(events('a', 1, 2))
    await world.runOut(world.worker({ handle }))
    expect(world.calls).toEqual(['a:1', 'a:2'])
  })

  it('does not wait for a stream that is halted, or for the patience of a gap', async () => {
    const world = new WorkerWorld()
    const handle = (called: InturnEvent): void => {
      if (called.stream === 'bad') throw new Error('never')
      world.note(called)
    }
    await world.source.push([...events('bad', 1), ...events('gapped', 2), ...events('a', 1)])
    await world.runOut(
      world.worker({ handle, failure: { attempts: 2 }, gap: { patience: '1h', then: 'skip' } }),
    )
    expect(world.calls).toEqual(['a:1'])
  })

  it('does not wait for retries of domains that are not configured', async () => {
    const world = new WorkerWorld()
    const fails = (): void => {
      throw new Error('no')
    }
    const store = world.store()
    await store.open()
    const old = world.processor({ handle: fails, failure: { backoff: '1h', backoffMax: '1h' } })
    await old.process(events('a', 1))
    const { createWorker } = await import('../../../src/engine/worker.ts')
    const { domain } = await import('./engine-world.ts')
    const options = world.options({ domains: { other: domain({ handle: world.note }) } })
    await world.runOut(createWorker({ ...options, source: world.source }))
    expect(world.timers.elapsedMs()).toBeLessThan(5_000)
  })

  it('goes on when store or source fail just then (I10)', async () => {
    const world = new WorkerWorld()
    await world.source.push(events('a', 1))
    await world.runOut(world.worker({}, { plan: faultAt('isCaughtUp', 1, { fail: 'before' }) }))
    expect(world.calls).toEqual(['a:1'])
    expect(world.told('source-failed')).toHaveLength(1)
    expect(world.told('recovered')).toHaveLength(1)
  })

  it('waits for what a queue is to deliver again', async () => {
    const world = new WorkerWorld('queue')
    await world.source.push(events('a', 3, 4, 5))
    const running = world.runOut(world.worker({ heldMax: 2 }, { refusePatience: '10s' }))
    await world.timers.rest()
    await world.source.push(events('a', 2, 1))
    await running
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:3', 'a:4', 'a:5'])
  })
})

describe('failures of store and source (I10)', () => {
  const sourceFaults = [
    ['open', 1, 'before'],
    ['read', 1, 'before'],
    ['read', 3, 'before'],
    ['settle', 1, 'before'],
    ['settle', 2, 'after'],
  ] as const
  it.each(sourceFaults)(
    '%s %i of the source fails: told, waited out, and all is handled once',
    async (...fault) => {
      const [method, nth, fail] = fault
      const world = new WorkerWorld()
      await world.source.push(events('a', 2, 1, 3))
      await world.runOut(world.worker({}, { plan: faultAt(method, nth, { fail }), batch: 1 }))
      expect(world.calls).toEqual(['a:1', 'a:2', 'a:3'])
      expect(world.told('source-failed')).toHaveLength(1)
      expect(world.source.unsettled).toBe(0)
    },
  )

  it('what was processed is not processed again when only its settling failed', async () => {
    const world = new WorkerWorld()
    await world.source.push(events('a', 1, 2))
    await world.runOut(world.worker({}, { plan: faultAt('settle', 1, { fail: 'before' }) }))
    expect(world.told('batch')).toHaveLength(1)
    expect(world.settledNumbers).toEqual([1, 2])
  })

  it('the waits between attempts grow, and nothing is settled or read meanwhile (I4)', async () => {
    const world = new WorkerWorld()
    await world.source.push(events('a', 1))
    let isDown = false
    const plan = ({ method }: { method: string }) =>
      isDown && method === 'work' ? { fail: 'before' as const } : undefined
    const worker = world.worker({}, { store: world.store({ plan }) })
    world.start(worker)
    await world.until(() => world.settled.length === 1)
    isDown = true
    await world.source.push(events('a', 2))
    await world.until(() => world.told('store-failed').length === 8)
    expect(world.told('store-failed').map(({ retryInMs }) => retryInMs)).toEqual([
      75, 150, 300, 600, 1200, 2400, 4800, 7500,
    ])
    expect(world.settledNumbers).toEqual([1])
    isDown = false
    await world.until(() => world.settled.length === 2)
    await world.until(() => world.told('recovered').length > 0)
    expect(world.told('recovered')).toHaveLength(1)
    await worker.stop()
  })

  it.each(['open', 'work'])('that end with the worker are not over (%s)', async (failing) => {
    const world = new WorkerWorld()
    await world.source.push(events('a', 1))
    const plan = ({ method }: { method: string }) =>
      method === failing ? { fail: 'before' as const } : undefined
    const worker = world.worker({}, { store: world.store({ plan }) })
    world.start(worker)
    await world.until(() => world.told('store-failed').length === 3)
    let hasEnded = false
    const ending = worker.stop().finally(() => {
      hasEnded = true
    })
    await world.until(() => hasEnded)
    await ending
    expect(world.told('recovered')).toEqual([])
    expect(world.crashes).toEqual([])
  })

  it('a store that cannot be opened for good ends the worker, and what was opened is closed', async () => {
    const world = new WorkerWorld()
    const corrupt = new InturnError('store-corrupt', 'it is damaged')
    const store = world.store({ plan: faultAt('open', 1, { fail: 'before', error: corrupt }) })
    await expect(world.runOut(world.worker({}, { store }))).rejects.toBe(corrupt)
    expect(world.sourceCalls).toEqual([])
    let isClosed = false
    const other = { ...world.store(), close: async () => void (isClosed = true) }
    const unreadable = new InturnError('source-unavailable', 'no such file')
    const plan = faultAt<'open'>('open', 1, { fail: 'before', error: unreadable })
    await expect(world.runOut(world.worker({}, { store: other, plan: plan as never }))).rejects.toBe(
      unreadable,
    )
    expect(isClosed).toBe(true)
  })

  it('a source that fails as stores do is not taken for the worker’s store, nor the other way', async () => {
    const world = new WorkerWorld()
    await world.source.push(events('a', 1))
    const error = new InturnError('store-unavailable', 'the log’s own store is down', { retryable: true })
    const plan = faultAt<SourceMethod>('read', 1, { fail: 'before', error })
    const open = async (checkpoint: Checkpoint): Promise<void> => void (await checkpoint.load())
    const source = { ...faultySource(world.source, plan, world.timers), open }
    const store = world.store({ plan: faultAt('checkpoint', 1, { fail: 'before' }) })
    await world.runOut(world.worker({}, { source, store }))
    expect(world.told('source-failed').map(({ error: told }) => told)).toEqual([error])
    expect(world.told('store-failed')).toHaveLength(1)
    expect(world.calls).toEqual(['a:1'])
  })

  it('a store that cannot be reached at first is waited for', async () => {
    const world = new WorkerWorld()
    await world.source.push(events('a', 1))
    const plan = ({ method, nth }: { method: string; nth: number }) =>
      method === 'open' && nth < 4 ? { fail: 'before' as const } : undefined
    await world.runOut(world.worker({}, { store: world.store({ plan }) }))
    expect(world.calls).toEqual(['a:1'])
    expect(world.told('store-failed')).toHaveLength(3)
  })

  it('an error that is none of inturn’s ends the worker, which closes what it has opened', async () => {
    const world = new WorkerWorld()
    const plan = faultAt('read', 2, { fail: 'before', error: new TypeError('a bug in a source') })
    await expect(world.runOut(world.worker({}, { plan }), {})).rejects.toThrow('a bug in a source')
    expect(world.sourceCalls.at(-1)).toBe('close')
  })
})

describe('honest time (I8)', () => {
  const readingMs = async (world: WorkerWorld): Promise<number> => {
    await world.memory.open()
    return (await world.memory.reader.summary(consumer)).clock.readingMs
  }

  it('counts while the source is read, and not while it cannot be', async () => {
    const world = new WorkerWorld()
    let isDown = false
    const plan = ({ method }: { method: string }) =>
      isDown && method === 'read' ? { fail: 'before' as const } : undefined
    const worker = world.worker({}, { plan })
    world.start(worker)
    await world.timers.advance(10_000)
    const read = await readingMs(world)
    expect(read).toBeGreaterThanOrEqual(8_500)
    isDown = true
    await world.timers.advance(600_000)
    expect(await readingMs(world)).toBe(read)
    isDown = false
    await world.timers.advance(20_000)
    expect(await readingMs(world)).toBeLessThan(read + 20_000)
    await worker.stop()
  })

  it('does not count while a batch in hand cannot be processed', async () => {
    const world = new WorkerWorld()
    let isDown = false
    const plan = ({ method }: { method: string }) =>
      isDown && method === 'work' ? { fail: 'before' as const } : undefined
    const worker = world.worker({}, { store: world.store({ plan }) })
    world.start(worker)
    await world.timers.advance(3_000)
    isDown = true
    await world.source.push(events('a', 1))
    await world.timers.advance(1_000)
    const read = await readingMs(world)
    await world.timers.advance(600_000)
    expect(await readingMs(world)).toBe(read)
    isDown = false
    await worker.stop()
  })

  it('gives a gap up after its patience of reading time, and not before', async () => {
    const world = new WorkerWorld()
    await world.source.push(events('a', 1, 3))
    const worker = world.worker({ gap: { patience: '30s', then: 'skip' } })
    world.start(worker)
    await world.timers.advance(29_000)
    expect(world.calls).toEqual(['a:1'])
    await world.timers.advance(4_000)
    expect(world.calls).toEqual(['a:1', 'a:3'])
    expect(world.told('lost')).toMatchObject([{ from: 2, to: 2 }])
    await worker.stop()
  })

  it('tells a halt by a gap', async () => {
    const world = new WorkerWorld()
    await world.source.push(events('a', 3))
    const worker = world.worker({ gap: { patience: '1s', then: 'halt' } })
    world.start(worker)
    await world.timers.advance(5_000)
    expect(world.told('halted')).toMatchObject([{ stream: 'account/a' }])
    await worker.stop()
  })
})

describe('ending', () => {
  it('stop finishes the batch in hand, settles it, and reads no more', async () => {
    const world = new WorkerWorld()
    const gate = new Gate()
    const handle = async (called: InturnEvent): Promise<void> => {
      await gate.wait()
      world.note(called)
    }
    await world.source.push(events('a', 1, 2))
    const worker = world.worker({ handle }, { batch: 1 })
    const running = worker.run()
    await gate.reached
    const stopping = worker.stop()
    gate.open()
    await stopping
    await running
    expect(world.settledNumbers).toEqual([1])
    expect(world.calls).toEqual(['a:1'])
  })

  it('stopNow ends running handlers at once, and settles nothing of theirs', async () => {
    const world = new WorkerWorld()
    const gate = new Gate()
    await world.source.push(events('a', 1))
    const worker = world.worker({ handle: () => gate.wait() })
    const running = worker.run()
    await gate.reached
    await worker.stopNow()
    await running
    expect(world.settled).toEqual([])
    expect((await world.stream('a'))?.state.position).toBeUndefined()
  })

  it('stop ends a wait for a store that is down, also before the worker has begun', async () => {
    for (const method of ['open', 'work'] as const) {
      const world = new WorkerWorld()
      await world.source.push(events('a', 1))
      const plan = (call: { method: string }) =>
        call.method === method ? { fail: 'before' as const } : undefined
      const worker = world.worker({}, { store: world.store({ plan }) })
      const running = worker.run()
      await world.until(() => world.told('store-failed').length > 3)
      await worker.stop()
      await running
      expect(world.settled).toEqual([])
    }
  })

  it('stop resolves also where run rejects, and a second run is the first one', async () => {
    const world = new WorkerWorld()
    const plan = faultAt('read', 1, { fail: 'before', error: new TypeError('a bug in a source') })
    const worker = world.worker({}, { plan })
    const running = worker.run()
    expect(worker.run()).toBe(running)
    await expect(running).rejects.toThrow('a bug')
    await worker.stop()
    await worker.stopNow()
  })

  it('stop before run leaves nothing to do', async () => {
    const world = new WorkerWorld()
    const worker = world.worker()
    await worker.stop()
    await worker.run()
    expect(world.sourceCalls).toEqual([])
  })

  it('an idle worker looks at its store and source a few times a second, and no more', async () => {
    const world = new WorkerWorld()
    const handle = (): void => {
      throw new Error('never')
    }
    await world.source.push([event('a', 1), event('b', 5)])
    const worker = world.worker({ handle, failure: { attempts: 2 }, gap: { patience: '1s', then: 'wait' } })
    world.start(worker)
    await world.timers.advance(10_000)
    const before = world.sourceCalls.length
    await world.timers.advance(60_000)
    expect(world.sourceCalls.length - before).toBeLessThan(60 * 10)
    await worker.stop()
  })
})

describe('what stands still once a worker has caught up', () => {
  it('is told: behind a gap, or halted; and nothing that has come to its end', async () => {
    const world = new WorkerWorld()
    const handle = ({ stream }: InturnEvent): void => {
      if (stream === 'b') throw new Error('no money')
    }
    await world.source.push([...events('a', 1, 3), ...events('b', 1), ...events('c', 1)])
    const worker = world.worker({ handle, failure: { attempts: 1, then: 'halt' } })
    const ending = worker.run({ until: 'caught-up' })
    await world.runOut(worker)
    expect(await ending).toEqual({
      isCaughtUp: true,
      standingCount: 2,
      standing: [
        { stream: 'account/a', why: 'gap' },
        { stream: 'account/b', why: 'halted', reason: 'Error: no money' },
      ],
    })
  })
})
