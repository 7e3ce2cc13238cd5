// A processor without a worker: it looks by itself after what nothing arrives for. Proves I8 and I10 there.
import { spawnSync } from 'node:child_process'
import { describe, expect, it, test } from 'vitest'
import type { ProcessorOptions } from '../../../src/engine/processor-options.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import { domain, event, events, EngineWorld, verdictsOf } from './engine-world.ts'

/** Its first attempt at `a:1` fails. */
class FailingOnce extends EngineWorld {
  #failsLeft = 1

  made(sweep?: ProcessorOptions['sweep'], options: Partial<ProcessorOptions> = {}): Processor {
    const handle = (called: Parameters<EngineWorld['note']>[0]): void => {
      this.note(called)
      if (called.stream === 'a' && this.#failsLeft-- > 0) throw new Error('not yet')
    }
    const domains = { account: domain({ handle, failure: { attempts: 2, backoff: 100 } }) }
    return createProcessor({
      ...this.options({ domains, ...options }),
      ...(sweep !== undefined && { sweep }),
    })
  }
}

const twice = ['a:1', 'a:1']

describe('a processor sweeps', () => {
  it('by itself, a second after its first call', async () => {
    const world = new FailingOnce()
    const processor = world.made()
    await processor.process(events('a', 1))
    await world.timers.advance(999)
    expect(world.calls).toEqual(['a:1'])
    await world.timers.advance(1)
    expect(world.calls).toEqual(twice)
  })

  it('so that patience passes, and a gap ends', async () => {
    const world = new EngineWorld()
    const domains = { account: domain({ handle: world.note, gap: { patience: '5s', then: 'skip' } }) }
    const processor = createProcessor(world.options({ domains }))
    await processor.process(events('a', 1, 3))
    await world.timers.advance(4_000)
    expect(world.calls).toEqual(['a:1'])
    await world.timers.advance(3_000)
    expect(world.calls).toEqual(['a:1', 'a:3'])
  })

  it('no more than once a second, whoever asks for it', async () => {
    const world = new EngineWorld()
    let swept = 0
    const plan = ({ method }: { readonly method: string }): undefined => void (method === 'due' && swept++)
    const domains = { account: domain({ handle: world.note }) }
    const processor = createProcessor(world.options({ domains, store: world.store({ plan }) }))
    for (let second = 0; second < 10; second++) {
      await processor.sweep()
      await world.timers.advance(900)
    }
    expect(swept).toBe(10)
    await world.timers.advance(10_000)
    expect(swept).toBe(20)
  })

  it('not before it was given something, nor after it was closed', async () => {
    const world = new EngineWorld()
    const domains = { account: domain({ handle: world.note }) }
    const processor = createProcessor(world.options({ domains }))
    expect(world.timers.nextAtMs).toBeUndefined()
    await processor.process(events('a', 1))
    expect(world.timers.nextAtMs).toBe(1_000)
    await processor.close()
    expect(world.timers.nextAtMs).toBeUndefined()
  })

  it('not by itself if that is manual', async () => {
    const world = new FailingOnce()
    const processor = world.made('manual')
    await processor.process(events('a', 1))
    expect(world.timers.nextAtMs).toBeUndefined()
    await world.timers.advance(60_000)
    await processor.process([])
    expect(world.calls).toEqual(['a:1'])
    expect(await processor.sweep()).toBe(1)
    expect(world.calls).toEqual(twice)
  })
})

describe('a call takes a sweep along', () => {
  it('that is overdue, and answers for its own events first', async () => {
    const world = new FailingOnce()
    const processor = world.made('with-process')
    await processor.process(events('a', 1))
    expect(world.timers.nextAtMs).toBeUndefined()
    await world.timers.advance(60_000)
    expect(verdictsOf(await processor.process([event('b', 1)]))).toEqual(['deliver'])
    expect(world.calls).toEqual(['a:1', 'b:1', 'a:1'])
  })

  it('with which its healers are waited for', async () => {
    const world = new EngineWorld()
    const heal = { with: () => Promise.resolve(events('a', 1)), after: 1 }
    const domains = { account: domain({ handle: world.note, gap: { heal } }) }
    const processor = createProcessor({ ...world.options({ domains }), sweep: 'with-process' })
    await processor.process(events('a', 2))
    // Reading time passes for as long as calls come.
    for (let call = 0; call < 3; call++) {
      await world.timers.advance(2_000)
      await processor.process([])
    }
    expect(world.calls).toEqual(['a:1', 'a:2'])
  })

  it('and does not fail with it', async () => {
    const world = new FailingOnce()
    let isDown = false
    const plan = ({ method }: { readonly method: string }) =>
      isDown && method === 'due' ? ({ fail: 'before' } as const) : undefined
    const processor = world.made('with-process', { store: world.store({ plan }) })
    await processor.process(events('a', 1))
    isDown = true
    await world.timers.advance(3_000)
    expect(verdictsOf(await processor.process([event('b', 1)]))).toEqual(['deliver'])
    expect(world.told('store-failed')).toMatchObject([{ retryInMs: 1_000 }])
    isDown = false
    await world.timers.advance(3_000)
    await processor.process([])
    expect(world.told('recovered')).toHaveLength(1)
    expect(world.calls).toEqual(['a:1', 'b:1', 'a:1'])
  })
})

test('a store that fails is tried again, less and less often (I10)', async () => {
  const world = new FailingOnce()
  let isDown = true
  const plan = ({ method }: { readonly method: string }) =>
    isDown && method === 'heartbeat' ? ({ fail: 'before' } as const) : undefined
  const processor = world.made(undefined, { store: world.store({ plan }) })
  await processor.process(events('a', 1))
  await world.timers.advance(60_000)
  const waits = world.told('store-failed').map(({ retryInMs }) => retryInMs)
  expect(waits.slice(0, 6)).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
  isDown = false
  await world.timers.advance(10_000)
  expect(world.told('recovered')).toHaveLength(1)
  expect(world.calls).toEqual(twice)
})

test('what a processor waits for keeps no process alive', () => {
  const code = `
    import { contiguous, createProcessor } from './src/index.ts'
    import { memoryStore } from './src/stores/memory.ts'
    const account = { numbering: contiguous(), effects: 'external', handle: () => undefined }
    const processor = createProcessor({ consumer: 'c', store: memoryStore(), domains: { account } })
    await processor.process([{ stream: 'a', sequence: 1 }])
  `
  const ended = spawnSync(process.execPath, ['--input-type=module', '-e', code], { timeout: 20_000 })
  expect([ended.status, ended.signal, String(ended.stderr)]).toEqual([0, null, ''])
})

test('how a processor sweeps is one of its ways', () => {
  const options = new EngineWorld().options({ domains: { account: domain({ handle: () => undefined }) } })
  const wrong = { ...options, sweep: 'never' } as unknown as ProcessorOptions
  expect(() => createProcessor(wrong)).toThrow("sweep takes 'manual' or 'with-process', not the text 'never'")
})
