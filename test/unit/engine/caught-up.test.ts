// Waiting for a position: it resolves once the store says so, whoever brought the stream there, and gives up
// in time.
import { describe, expect, it } from 'vitest'
import { unordered } from '../../../src/core/numbering.ts'
import { EngineWorld, event, events } from './engine-world.ts'

describe('caughtUp', () => {
  it('resolves at once for what is reached, in this epoch or a later one', async () => {
    const world = new EngineWorld()
    const processor = world.processor()
    await processor.process([...events('a', 1, 2), event('b', 1, { epoch: 1 })])
    const reached = [
      processor.caughtUp({ stream: 'a', sequence: 2 }),
      processor.caughtUp({ stream: 'b', sequence: 70 }),
      processor.caughtUp({ domain: 'account', stream: 'b', sequence: 1, epoch: 1 }),
    ]
    expect(await Promise.all(reached)).toHaveLength(3)
    expect(world.timers.elapsedMs()).toBe(0)
  })

  it('is woken by what its own processor does, and finds what others did', async () => {
    const world = new EngineWorld()
    const processor = world.processor()
    await processor.process(events('a', 1))
    let isThere = false
    const waiting = processor.caughtUp({ stream: 'a', sequence: 2 }).then(() => (isThere = true))
    await world.timers.rest()
    await processor.process(events('a', 2))
    await waiting
    expect(world.timers.elapsedMs()).toBe(0)
    isThere = false
    const other = processor.caughtUp({ stream: 'a', sequence: 3 }).then(() => (isThere = true))
    await world.timers.advance(3_000)
    expect(isThere).toBe(false)
    await world.processor().process(events('a', 3))
    await world.timers.advance(500)
    expect(isThere).toBe(true)
    await other
  })

  it('gives up in time with an error that says where the stream stands', async () => {
    const world = new EngineWorld()
    const processor = world.processor()
    await processor.process(events('a', 1))
    const waiting = processor.caughtUp({ stream: 'a', sequence: 9, timeout: '2s' })
    waiting.catch(() => undefined)
    await world.timers.advance(2_000)
    await expect(waiting).rejects.toMatchObject({
      code: 'caught-up-timeout',
      retryable: true,
      message: 'account/a has not reached 9 within 2000 ms; its position is 1',
    })
  })

  it('ends with its processor', async () => {
    const world = new EngineWorld()
    const processor = world.processor()
    const waiting = processor.caughtUp({ stream: 'a', sequence: 1, timeout: '1h' })
    waiting.catch(() => undefined)
    await world.timers.rest()
    await processor.close()
    await expect(waiting).rejects.toMatchObject({ code: 'shutting-down' })
  })

  it('refuses what has no position', async () => {
    const world = new EngineWorld()
    const usage = { code: 'usage' }
    const processor = world.processor({ numbering: unordered(), failure: {} })
    await expect(processor.caughtUp({ stream: 'a', sequence: 1 })).rejects.toMatchObject(usage)
    const tracked = world.processor()
    await expect(tracked.caughtUp({ domain: 'x', stream: 'a', sequence: 1 })).rejects.toMatchObject(usage)
    await expect(tracked.caughtUp({ stream: 'a', sequence: 1.5 })).rejects.toMatchObject(usage)
  })
})
