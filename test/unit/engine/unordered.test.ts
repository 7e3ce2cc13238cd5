// Domains without tracking: events at once and side by side, tried again after a wait, then dead letters.
import { describe, expect, it } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { unordered } from '../../../src/core/numbering.ts'
import type { HandlerContext } from '../../../src/engine/domain-options.ts'
import type { DomainShape } from './engine-world.ts'
import { EngineWorld, event, Gate, verdictsOf } from './engine-world.ts'

const loose = (id: string | undefined, fields: object = {}) => ({
  domain: 'account',
  stream: 's',
  data: { id },
  ...(id !== undefined && { id }),
  ...fields,
})

function looseWorld(fields: DomainShape = {}) {
  const world = new EngineWorld()
  const keys: string[] = []
  const handle = async (_called: InturnEvent, { idempotencyKey }: HandlerContext): Promise<void> => {
    keys.push(idempotencyKey)
    await Promise.resolve()
  }
  return { world, keys, processor: world.processor({ numbering: unordered(), handle, ...fields }) }
}

describe('unordered()', () => {
  it('events need no number, run side by side, and are not remembered', async () => {
    const { keys, processor } = looseWorld()
    const results = await processor.process([loose('x'), loose('x'), loose(undefined)])
    expect(verdictsOf(results)).toEqual(['deliver', 'deliver', 'deliver'])
    expect(keys).toHaveLength(3)
  })

  it('with an id window a copy is a duplicate, within a batch and behind it', async () => {
    const { keys, processor } = looseWorld({ numbering: unordered({ idWindow: {} }) })
    expect(verdictsOf(await processor.process([loose('x'), loose('x'), loose('y')]))).toEqual([
      'deliver',
      'duplicate',
      'deliver',
    ])
    expect(verdictsOf(await processor.process([loose('y')]))).toEqual(['duplicate'])
    expect(keys).toHaveLength(2)
  })

  it('the idempotency key is by id; two events of one number and different ids have two', async () => {
    const { keys, processor } = looseWorld()
    await processor.process([
      loose('x', { sequence: 1 }),
      loose('y', { sequence: 1 }),
      loose(undefined, { sequence: 1 }),
      loose(undefined, { data: 1 }),
      loose(undefined, { data: 2 }),
    ])
    expect(keys.slice(0, 3)).toEqual([
      'billing/account/s/0/x',
      'billing/account/s/0/y',
      'billing/account/s/0/1',
    ])
    expect(new Set(keys).size).toBe(5)
  })

  it('a failing one is tried again after a wait, while the others are durable already', async () => {
    const attempts: number[] = []
    const handle = ({ id }: InturnEvent, { attempt }: HandlerContext): void => {
      if (id !== 'bad') return
      attempts.push(attempt)
      throw new Error('bad')
    }
    const { world, processor } = looseWorld({
      handle,
      numbering: unordered({ idWindow: {} }),
      failure: { attempts: 3 },
    })
    const processing = processor.process([loose('good'), loose('bad')])
    await world.timers.advance(1)
    expect(attempts).toEqual([1])
    const other = world.processor({ handle, numbering: unordered({ idWindow: {} }) })
    expect(verdictsOf(await other.process([loose('good')]))).toEqual(['duplicate'])
    await world.timers.advance(1_000)
    expect(await processing).toMatchObject([
      { verdict: 'deliver' },
      { verdict: 'deliver', error: { message: 'bad' } },
    ])
    expect(attempts).toEqual([1, 2, 3])
    expect(await world.deadLetters()).toMatchObject([{ reason: 'failed', id: 'bad', attempts: 3 }])
    expect(world.told('failed').map(({ then }) => then)).toEqual(['retry', 'retry', 'dead-letter'])
    expect(verdictsOf(await processor.process([loose('bad')]))).toEqual(['duplicate'])
  })

  it('the end of the processor ends the waits, and nothing more is called', async () => {
    let calls = 0
    const handle = (): void => {
      calls++
      throw new Error('bad')
    }
    const { world, processor } = looseWorld({ handle, failure: { attempts: 100, backoff: '10s' } })
    const processing = processor.process([loose('bad')])
    const rejected = processing.catch((error: unknown) => error)
    await world.timers.rest()
    await processor.close()
    expect(await rejected).toMatchObject({ code: 'shutting-down' })
    expect(calls).toBe(1)
  })

  it('a number that cannot be read is no reason to refuse the event', async () => {
    const { processor } = looseWorld()
    expect(verdictsOf(await processor.process([loose('x', { sequence: 'seven' })]))).toEqual(['deliver'])
  })
})

describe('a processor that is closed', () => {
  it('breaks off running handlers, begins no others, and says so', async () => {
    const world = new EngineWorld()
    const gate = new Gate()
    const reasons: unknown[] = []
    const handle = async ({ sequence }: InturnEvent, { signal }: HandlerContext): Promise<void> => {
      world.calls.push(String(sequence))
      signal.addEventListener('abort', () => reasons.push(signal.reason))
      await gate.wait()
    }
    const processor = world.processor({ handle })
    const processing = processor.process([event('a', 1), event('a', 2)])
    const rejected = processing.catch((error: unknown) => error)
    await gate.reached
    await processor.close()
    expect(await rejected).toMatchObject({ code: 'shutting-down', retryable: true })
    expect(reasons).toMatchObject([{ code: 'shutting-down' }])
    expect(world.calls).toEqual(['1'])
    await expect(processor.process([event('a', 1)])).rejects.toMatchObject({ code: 'store-closed' })
  })

  it('calls no handler any more, also where they return at once', async () => {
    const world = new EngineWorld()
    const closing: Promise<void>[] = []
    const processor = world.processor({
      handle: (called: InturnEvent) => {
        world.note(called)
        closing.push(processor.close())
      },
    })
    const processing = processor.process([event('a', 1), event('a', 2), event('b', 1)])
    await expect(processing).rejects.toMatchObject({ retryable: expect.any(Boolean) as boolean })
    await Promise.all(closing)
    expect(world.calls).toEqual(['a:1'])
  })

  it('processes nothing that is no list', async () => {
    const processor = new EngineWorld().processor()
    await expect(processor.process(event('a', 1) as never)).rejects.toMatchObject({ code: 'usage' })
    expect(await processor.process([])).toEqual([])
  })
})
