// A failing handler stops its own stream and no other, is tried again as its domain says, and ends as it
// says.
import { describe, expect, it } from 'vitest'
import { InturnError } from '../../../src/core/errors.ts'
import type { InturnEvent } from '../../../src/core/event.ts'
import type { HandlerContext } from '../../../src/engine/domain-options.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import type { DomainShape } from './engine-world.ts'
import { EngineWorld, event, events, Gate, sweepAll, verdictsOf } from './engine-world.ts'

const place = ({ stream, sequence }: InturnEvent): string => `${stream}:${String(sequence)}`

/** A world whose handler throws for some places; it notes every call. */
function failingWorld(fields: DomainShape = {}, fails = new Set(['a:2'])) {
  const world = new EngineWorld()
  const contexts: HandlerContext[] = []
  const handle = async (called: InturnEvent, context: HandlerContext): Promise<void> => {
    contexts.push(context)
    world.note(called)
    await Promise.resolve()
    if (fails.has(place(called))) throw new Error(`no ${place(called)}`)
  }
  return { world, fails, contexts, processor: world.processor({ handle, ...fields }) }
}

async function retryUntilRest(world: EngineWorld, processor: Processor): Promise<void> {
  for (let round = 0; round < 20; round++) {
    await world.timers.advance(60_000)
    await sweepAll(processor)
  }
}

describe('isolation (I6)', () => {
  it('a failing event stops its own stream only, and only what comes behind it', async () => {
    const { world, processor } = failingWorld()
    const results = await processor.process([...events('a', 1, 2, 3), ...events('b', 1, 2)])
    expect(verdictsOf(results)).toEqual(['deliver', 'hold', 'hold', 'deliver', 'deliver'])
    expect(world.calls.filter((call) => call.startsWith('b'))).toEqual(['b:1', 'b:2'])
    expect(results.map(({ error }) => error && String(error))).toEqual([
      undefined,
      'Error: no a:2',
      undefined,
      undefined,
      undefined,
    ])
  })

  it('handlers of different streams run side by side, at most as many as allowed', async () => {
    const world = new EngineWorld()
    const gate = new Gate()
    let running = 0
    let most = 0
    const handle = async (): Promise<void> => {
      most = Math.max(most, ++running)
      await gate.wait()
      running--
    }
    const processing = world
      .processor({ handle }, { concurrency: 3 })
      .process('abcde'.split('').flatMap((s) => events(s, 1)))
    await gate.reached
    await world.timers.rest()
    gate.open()
    await processing
    expect(most).toBe(3)
  })
})

describe('attempts', () => {
  it('come with growing waits, end with a halt, and are the same attempt after a restart', async () => {
    const { world, processor, contexts } = failingWorld()
    await processor.process(events('a', 1, 2))
    expect(await processor.sweep()).toBe(0)
    await world.timers.advance(50)
    expect(await processor.sweep()).toBe(1)
    const restarted = failingWorldOver(world, contexts)
    await retryUntilRest(world, restarted)
    expect(
      contexts.filter(({ idempotencyKey }) => idempotencyKey.endsWith('/2')).map(({ attempt }) => attempt),
    ).toEqual([1, 2, 3, 4, 5])
    expect((await world.stream('a'))?.state).toMatchObject({
      position: 1,
      halt: { cause: 'failure', reason: 'Error: no a:2' },
      failing: { attempts: 5 },
    })
    expect(await world.ledger()).toMatchObject([{ kind: 'halted', from: 2, to: 2, reason: 'Error: no a:2' }])
    expect(world.told('failed').map(({ then }) => then)).toEqual(['retry', 'retry', 'retry', 'retry', 'halt'])
    expect(world.told('halted')).toEqual([])
  })

  it('have one idempotency key, and a fence that rises (I2)', async () => {
    const { world, processor, contexts } = failingWorld()
    await processor.process(events('a', 1, 2))
    await retryUntilRest(world, processor)
    const own = contexts.filter(({ idempotencyKey }) => idempotencyKey.endsWith('/2'))
    expect(new Set(own.map(({ idempotencyKey }) => idempotencyKey))).toEqual(
      new Set(['billing/account/a/0/2']),
    )
    const fences = own.map(({ fence }) => fence)
    expect(fences).toEqual([...new Set(fences)].sort((a, b) => a - b))
  })

  it('the wait begins when the handler has failed, not when it was called', async () => {
    const world = new EngineWorld()
    const handle = async (): Promise<void> => {
      await world.timers.sleep(10_000)
      throw new Error('late')
    }
    const processing = world.processor({ handle, failure: { backoff: 1_000 } }).process(events('a', 1))
    await world.timers.advance(10_000)
    await processing
    expect((await world.stream('a'))?.due).toEqual({ at: world.now + 500 })
  })

  it('an error that is not retryable ends them at once', async () => {
    const { world, processor } = failingWorld({ failure: { retryable: () => false, then: 'dead-letter' } })
    await processor.process(events('a', 1, 2, 3))
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:3'])
    expect(await world.deadLetters()).toMatchObject([{ sequence: 2, reason: 'failed', attempts: 1 }])
  })

  it('a `retryable` that throws counts as yes', async () => {
    const retryable = (): boolean => {
      throw new Error('undecided')
    }
    const { world, processor } = failingWorld({ failure: { retryable } })
    await processor.process(events('a', 1, 2))
    expect((await world.stream('a'))?.state.failing).toMatchObject({ attempts: 1 })
  })

  it('an error of another store in a handler that acts elsewhere is the handler’s', async () => {
    const world = new EngineWorld()
    const handle = (called: InturnEvent): void => {
      if (called.stream === 'a')
        throw new InturnError('store-unavailable', 'of somebody else', { retryable: true })
    }
    const results = await world.processor({ handle }).process([...events('a', 1), ...events('b', 1)])
    expect(verdictsOf(results)).toEqual(['hold', 'deliver'])
  })
})

describe('dead letters of failed events (I3)', () => {
  it('take the failed event out, and what comes behind goes on in order', async () => {
    const { world, processor, fails } = failingWorld({ failure: { attempts: 1, then: 'dead-letter' } })
    fails.add('a:4')
    const results = await processor.process(events('a', 1, 2, 3, 4, 5))
    expect(world.calls).toEqual(['a:1', 'a:2', 'a:3', 'a:4', 'a:5'])
    expect(results.map(({ error }) => error && String(error))).toEqual([
      undefined,
      'Error: no a:2',
      undefined,
      'Error: no a:4',
      undefined,
    ])
    expect((await world.stream('a'))?.state).toMatchObject({
      position: 5,
      counts: { delivered: 3, removed: 2 },
    })
    expect(await world.ledger()).toMatchObject([
      { kind: 'removed', from: 2 },
      { kind: 'removed', from: 4 },
    ])
    expect(verdictsOf(await processor.process(events('a', 2)))).toEqual(['duplicate'])
  })
})

describe('handleBatch', () => {
  const bulk = (fails: ReadonlySet<string>, calls: string[][]) => (called: readonly InturnEvent[]) => {
    calls.push(called.map(place))
    if (called.some((one) => fails.has(place(one)))) throw new Error('bulk')
  }

  it('gets the events of a stream at once', async () => {
    const calls: string[][] = []
    await new EngineWorld()
      .processor({ handle: undefined, handleBatch: bulk(new Set(), calls) })
      .process(events('a', 1, 2, 3))
    expect(calls).toEqual([['a:1', 'a:2', 'a:3']])
  })

  it('that fails is called for each event, so that only the guilty one is taken out (I6)', async () => {
    const world = new EngineWorld()
    const calls: string[][] = []
    const processor = world.processor({
      handle: undefined,
      handleBatch: bulk(new Set(['a:3']), calls),
      failure: { attempts: 1, then: 'dead-letter' },
    })
    await processor.process(events('a', 1, 2, 3, 4, 5))
    expect(await world.deadLetters()).toMatchObject([{ sequence: 3, attempts: 1 }])
    expect((await world.stream('a'))?.state).toMatchObject({
      position: 5,
      counts: { delivered: 4, removed: 1 },
    })
    expect(calls.slice(0, 4)).toEqual([['a:1', 'a:2', 'a:3', 'a:4', 'a:5'], ['a:1'], ['a:2'], ['a:3']])
  })
})

describe('timeouts', () => {
  it('a handler that takes too long is told, and has failed; its late end changes nothing', async () => {
    const world = new EngineWorld()
    const gate = new Gate()
    const aborted: unknown[] = []
    const handle = async (called: InturnEvent, { signal }: HandlerContext): Promise<void> => {
      if (called.stream === 'b') return
      signal.addEventListener('abort', () => aborted.push(signal.reason))
      await gate.wait()
      throw new Error('far too late')
    }
    const processing = world
      .processor({ handle, timeout: '2s' })
      .process([...events('a', 1), ...events('b', 1)])
    await gate.reached
    await world.timers.advance(2_000)
    const results = await processing
    expect(results[0]?.error?.message).toMatch(/took longer than 2000 ms/)
    expect(aborted).toMatchObject([{ code: 'handler-timeout' }])
    gate.open()
    await world.timers.rest()
    expect((await world.stream('a'))?.state.failing?.attempts).toBe(1)
  })

  it('one slow stream does not keep the others of a batch waiting for all of its events (I6)', async () => {
    const world = new EngineWorld()
    const handle = (called: InturnEvent): unknown =>
      called.stream === 'slow' ? new Promise(() => undefined) : world.note(called)
    const processor = world.processor({
      handle,
      timeout: '1s',
      failure: { attempts: 1, then: 'dead-letter' },
    })
    const processing = processor.process([...events('slow', 1, 2, 3, 4, 5), ...events('quick', 1)])
    await world.timers.advance(1_000)
    await processing
    expect(world.calls).toEqual(['quick:1'])
    const swept = sweepAll(processor)
    await world.timers.advance(10_000)
    await swept
    expect(await world.deadLetters()).toHaveLength(5)
  })
})

describe('what a user writes beside the handler', () => {
  it('a filter that says no moves the position without the handler', async () => {
    const { world, processor } = failingWorld({ filter: ({ sequence }: InturnEvent) => sequence !== 2 })
    await processor.process(events('a', 1, 2, 3))
    expect(world.calls).toEqual(['a:1', 'a:3'])
    expect(await world.stream('a')).toMatchObject({
      deliveries: 2,
      state: { counts: { delivered: 2, filtered: 1 } },
    })
  })

  it('a filter that throws fails its event only', async () => {
    const filter = ({ stream, sequence }: InturnEvent): boolean => {
      if (stream === 'a' && sequence === 2) throw new Error('no filter')
      return true
    }
    for (const handlers of [{}, { handle: undefined, handleBatch: () => undefined }]) {
      const { processor } = failingWorld({ filter, ...handlers }, new Set())
      const results = await processor.process([...events('a', 1, 2, 3), ...events('b', 1)])
      expect(verdictsOf(results)).toEqual(['deliver', 'hold', 'hold', 'deliver'])
      expect(String(results[1]?.error)).toBe('filter: it threw Error: no filter')
    }
  })

  it('telemetry that throws, or rejects, disturbs nothing', async () => {
    const world = new EngineWorld()
    const failures = [
      () => {
        throw new Error('deaf')
      },
      (): unknown => Promise.reject(new Error('deaf')),
    ]
    for (const telemetry of failures) {
      const results = await world.processor({}, { telemetry }).process([...events('a', 1), event('b', 'x')])
      expect(verdictsOf(results)).toContain('invalid')
    }
  })

  it('a handler that returns a thenable is waited for', async () => {
    const world = new EngineWorld()
    const done: number[] = []
    const handle = ({ sequence }: { sequence: number }) => ({
      then: (resolve: () => void) => {
        done.push(sequence)
        resolve()
      },
    })
    await world.processor({ handle }).process(events('a', 1, 2))
    expect(done).toEqual([1, 2])
  })
})

function failingWorldOver(world: EngineWorld, contexts: HandlerContext[]): Processor {
  const handle = async (called: InturnEvent, context: HandlerContext): Promise<void> => {
    contexts.push(context)
    await Promise.resolve()
    throw new Error(`no ${place(called)}`)
  }
  return world.processor({ handle })
}
