// Events that are handled once more: the same ones, in order, told as such; positions and accounts stay (I1,
// I2).
import { describe, expect, it } from 'vitest'
import { InturnError } from '../../../src/core/errors.ts'
import type { InturnEvent } from '../../../src/core/event.ts'
import { contiguous } from '../../../src/core/numbering.ts'
import type { HandlerContext, TransactionContext } from '../../../src/engine/domain-options.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import { verifyConsumer } from '../../../src/operate/verify.ts'
import type { Source } from '../../../src/ports/source.ts'
import type { StreamHistory } from '../../../src/ports/stream-history.ts'
import type { SqliteTransaction } from '../../../src/stores/sqlite.ts'
import { SqliteFolder } from '../stores/sqlite-folder.ts'
import type { DomainShape } from './engine-world.ts'
import { consumer, domain, EngineWorld, event, events, Gate, path } from './engine-world.ts'

const operator = { by: 'ada', reason: 'the handler was wrong' }

/** A source that can be read again from its beginning, any number of times. */
function archive(messages: readonly unknown[]): Source & { readonly scans: number } {
  let place = 0
  const kept = { scans: 0 }
  return {
    name: 'archive',
    kind: 'log',
    get scans() {
      return kept.scans
    },
    open: async () => {
      place = 0
      kept.scans++
    },
    read: async ({ max }) => {
      const page = messages.slice(place, place + max)
      place += page.length
      return page.map((message, index) => ({ message, origin: `archive:${index}` }))
    },
    settle: async () => undefined,
    release: async () => undefined,
    isCaughtUp: async () => place >= messages.length,
    close: async () => undefined,
  }
}

function redeliveredWorld(past: readonly unknown[], fields: DomainShape = {}) {
  const world = new EngineWorld()
  const contexts: HandlerContext[] = []
  const handle = (called: InturnEvent, context: HandlerContext): void => {
    world.note(called)
    contexts.push(context)
  }
  const history = archive(past)
  const processor = world.processor({ handle, ...fields }, { history })
  return { world, contexts, history, processor }
}

async function expectBalance(world: EngineWorld): Promise<void> {
  const verified = await verifyConsumer({ reader: world.memory.reader, consumer }, new Map())
  expect(verified.imbalances).toEqual([])
}

describe('redeliver', () => {
  it('runs the handlers again, in order, told as such; position, accounts and deliveries stay', async () => {
    const past = [event('b', 2), event('a', 3), event('a', 2), event('a', 2), event('a', 1), event('a', 4)]
    const { world, contexts, processor } = redeliveredWorld(past)
    await processor.process(events('a', 1, 2, 3, 4))
    const before = await world.stream('a')
    const done = await processor.redeliver({ ...operator, stream: 'a', from: 2, to: 4 })
    expect(done).toEqual({ stream: path('a'), epoch: 0, handled: 3, missing: 0, missingRanges: [] })
    expect(world.calls.slice(4)).toEqual(['a:2', 'a:3', 'a:4'])
    expect(contexts.slice(4).map(({ replay, isRedrive }) => [replay, isRedrive])).toEqual([
      ['redeliver', false],
      ['redeliver', false],
      ['redeliver', false],
    ])
    expect(contexts[4]?.idempotencyKey).toBe(contexts[1]?.idempotencyKey)
    const after = await world.stream('a')
    expect([after?.state, after?.deliveries]).toEqual([before?.state, before?.deliveries])
    expect(await world.ledger()).toMatchObject([{ kind: 'redelivered', from: 2, to: 4, ...operator }])
    await expectBalance(world)
  })

  it('takes a long range in chunks from one scan, and lets the stream go on in between', async () => {
    const numbers = Array.from({ length: 1_200 }, (_, index) => index + 1)
    const { world, history, processor } = redeliveredWorld(events('a', ...numbers))
    await processor.process(events('a', ...numbers))
    const { handled } = await processor.redeliver({ ...operator, stream: 'a', from: 1, to: 1_200 })
    expect([handled, history.scans]).toEqual([1_200, 1])
    expect(world.calls.slice(1_200)).toEqual(numbers.map((number) => `a:${number}`))
    expect(await world.ledger()).toHaveLength(12)
  })

  it('tells what the history does not have, and handles the rest', async () => {
    const { world, processor } = redeliveredWorld(events('a', 1, 4))
    await processor.process(events('a', 1, 2, 3, 4, 5))
    expect(await processor.redeliver({ ...operator, stream: 'a', from: 1, to: 5 })).toMatchObject({
      handled: 2,
      missing: 3,
      missingRanges: [
        { from: 2, to: 3 },
        { from: 5, to: 5 },
      ],
    })
    expect(world.calls.slice(5)).toEqual(['a:1', 'a:4'])
  })

  it('leaves out what was never handled: lost, filled, removed; a redriven one was', async () => {
    const { world, processor } = redeliveredWorld(events('a', 1, 2, 3, 4, 5, 6))
    await processor.process(events('a', 1, 2, 3, 4, 5, 6))
    const entry = (kind: 'lost' | 'removed' | 'redriven' | 'filled', number: number) =>
      ({ kind, stream: path('a'), epoch: 0, from: number, to: number, at: 1, by: 'x', reason: 'y' }) as const
    await world.memory.open()
    await world.memory.record(consumer, {
      ledger: [
        entry('lost', 1),
        entry('removed', 2),
        entry('removed', 4),
        entry('filled', 5),
        entry('redriven', 4),
      ],
    })
    const done = await processor.redeliver({ ...operator, stream: 'a', from: 1, to: 6 })
    expect(done).toMatchObject({ handled: 3, missing: 0 })
    expect(world.calls.slice(6)).toEqual(['a:3', 'a:4', 'a:6'])
  })

  it('stops at a handler that fails, and says where', async () => {
    const { world, processor } = redeliveredWorld(events('a', 1, 2, 3))
    await processor.process(events('a', 1, 2, 3))
    const failing = world.processor(
      {
        handle: ({ sequence }: InturnEvent) => {
          if (sequence === 2) throw new Error('still wrong')
        },
      },
      { history: archive(events('a', 1, 2, 3)) },
    )
    expect(await failing.redeliver({ ...operator, stream: 'a', from: 1, to: 3 })).toMatchObject({
      handled: 1,
      failed: { sequence: 2, error: { message: 'still wrong' } },
    })
    expect(await world.ledger()).toMatchObject([{ kind: 'redelivered', from: 1, to: 1 }])
    await expectBalance(world)
  })

  it('waits for a worker that has the stream, and gives up in time', async () => {
    const { world, processor } = redeliveredWorld(events('a', 1))
    await processor.process(events('a', 1))
    const gate = new Gate()
    const busy = world.processor({ handle: () => gate.wait(), timeout: '10m' }).process(events('a', 2))
    await gate.reached
    const giving = processor.redeliver({ ...operator, stream: 'a', from: 1, to: 1, wait: '1s' })
    giving.catch(() => undefined)
    await world.timers.advance(2_000)
    await expect(giving).rejects.toMatchObject({ code: 'stream-busy' })
    const waiting = processor.redeliver({ ...operator, stream: 'a', from: 1, to: 1, wait: '1m' })
    await world.timers.advance(1_000)
    gate.open()
    await busy
    await world.timers.advance(1_000)
    expect(await waiting).toMatchObject({ handled: 1 })
  })

  it('that something cuts short says up to where it came, and from where to go on', async () => {
    const numbers = Array.from({ length: 250 }, (_, index) => index + 1)
    const { world, processor } = redeliveredWorld([])
    await processor.process(events('a', ...numbers))
    const history: StreamHistory = {
      name: 'archive',
      read: async ({ from, limit }) => {
        if (from > 200) throw new InturnError('history-unavailable', 'archive cannot be read: it is away')
        const first = Number(from)
        return numbers
          .slice(first - 1, first - 1 + limit)
          .map((sequence) => ({ domain: 'account', stream: 'a', epoch: 0, sequence, data: {} }))
      },
    }
    const request = { ...operator, stream: 'a', history }
    await expect(processor.redeliver({ ...request, from: 1, to: 250 })).rejects.toMatchObject({
      code: 'history-unavailable',
      message:
        'archive cannot be read: it is away; ' +
        'by then 200 events were handled once more, up to 200: go on from 201',
    })
    expect(await world.ledger()).toMatchObject([
      { from: 1, to: 100 },
      { from: 101, to: 200 },
    ])
    await expect(processor.redeliver({ ...request, from: 201, to: 250 })).rejects.toMatchObject({
      message: 'archive cannot be read: it is away',
    })
  })

  it('refuses what was not passed yet, what lies before the beginning, and what nobody has', async () => {
    const { world, processor } = redeliveredWorld([], { numbering: contiguous({ start: 5 }) })
    await processor.process(events('a', 5, 6))
    const ask = (from: number, to: number) => processor.redeliver({ ...operator, stream: 'a', from, to })
    await expect(ask(5, 7)).rejects.toMatchObject({ code: 'operation-refused' })
    await expect(ask(4, 6)).rejects.toMatchObject({ code: 'operation-refused' })
    await expect(ask(6, 5)).rejects.toMatchObject({ code: 'usage' })
    await expect(
      processor.redeliver({ by: '', reason: 'x', stream: 'a', from: 5, to: 5 }),
    ).rejects.toMatchObject({
      code: 'usage',
    })
    await expect(
      world.processor().redeliver({ ...operator, stream: 'a', from: 5, to: 6 }),
    ).rejects.toMatchObject({ code: 'history-unavailable' })
    await world.memory.open()
    await world.memory.record(consumer, { paused: [{ domain: 'account', paused: true }] })
    const paused = world.processor({}, { history: archive(events('a', 5)) })
    await expect(paused.redeliver({ ...operator, stream: 'a', from: 5, to: 5 })).rejects.toThrow('is paused')
  })

  it('with transactions a chunk that fails has no effect, another one all of it (I2)', async () => {
    const folder = new SqliteFolder()
    try {
      folder.user().exec('CREATE TABLE seen (sequence INTEGER, replay TEXT)')
      let failsAt = 0
      const handle = ({ sequence }: InturnEvent, context: TransactionContext<SqliteTransaction>) => {
        context.transaction.run('INSERT INTO seen VALUES (?, ?)', Number(sequence), context.replay ?? '')
        if (sequence === failsAt && context.replay !== undefined) throw new Error('no')
      }
      const processor = createProcessor({
        consumer,
        store: await folder.store(),
        domains: { account: domain({ effects: 'transaction', handle }) },
        history: archive(events('a', 1, 2, 3)),
      })
      const seen = (): number => folder.user().prepare("SELECT * FROM seen WHERE replay <> ''").all().length
      await processor.process(events('a', 1, 2, 3))
      failsAt = 3
      const request = { ...operator, stream: 'a', from: 1, to: 3 }
      expect(await processor.redeliver(request)).toMatchObject({ handled: 0, failed: { sequence: 3 } })
      expect(seen()).toBe(0)
      failsAt = 0
      expect(await processor.redeliver(request)).toMatchObject({ handled: 3 })
      expect(seen()).toBe(3)
    } finally {
      await folder.remove()
    }
  })
})
