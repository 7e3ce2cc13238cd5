// Whatever a user's code throws, and wherever: it is that event's failure, counted like any other, and the
// other streams of the batch have their turn.
import { describe, expect, it } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { unordered } from '../../../src/core/numbering.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import type { HealRequest } from '../../../src/ports/healer.ts'
import type { DeadLetter } from '../../../src/ports/records.ts'
import { hostileValues } from '../core/hostile-values.ts'
import { SqliteFolder } from '../stores/sqlite-folder.ts'
import type { DomainShape } from './engine-world.ts'
import { consumer, domain, EngineWorld, event, events, evenRandom, path, sweepAll } from './engine-world.ts'
import { HealWorld } from './heal-world.ts'

const failure = { attempts: 2, then: 'dead-letter' }
const batch = [
  event('a', 1, { data: { stream: 'a' } }),
  event('a', 2, { data: { stream: 'a' } }),
  event('b', 1, { data: { stream: 'b' } }),
]

/** A world in which everything has ended that can. */
async function worked(fields: DomainShape, eventFrom?: (message: object) => object): Promise<EngineWorld> {
  const world = new EngineWorld()
  const processor = world.processor({ failure, ...fields }, eventFrom === undefined ? {} : { eventFrom })
  await processor.process(batch)
  for (let round = 0; round < 3; round++) {
    await world.timers.advance(60_000)
    await sweepAll(processor)
  }
  return world
}

function ends(letters: readonly DeadLetter[]): readonly unknown[] {
  for (const { detail } of letters) expect(detail?.length).toBeLessThanOrEqual(500)
  return letters.map(({ reason, attempts, sequence }) => [reason, attempts, sequence])
}

const bothFailed = [
  ['failed', 2, 1],
  ['failed', 2, 2],
]

const later = async (): Promise<never> => Promise.reject(new Error('nobody hears this'))

// A rejection that nobody hears fails the run, as it ends a process.
describe('a promise from what has to answer at once', () => {
  it('refuses the event, where its filter gives it', async () => {
    const world = await worked({ filter: ({ stream }: InturnEvent) => (stream === 'a' ? later() : true) })
    expect(world.calls).toEqual(['b:1'])
    const [letter] = await world.deadLetters()
    expect(letter).toMatchObject({ reason: 'schema', sequence: 1 })
    expect(letter?.detail).toContain('it gave a promise, and has to answer at once')
  })

  it('is no event, where the mapping gives it', async () => {
    const mapping = (message: object): object => (Reflect.get(message, 'stream') === 'a' ? later() : message)
    const world = await worked({}, mapping)
    expect(world.calls).toEqual(['b:1'])
    expect(await world.deadLetters()).toMatchObject([{ reason: 'invalid' }, { reason: 'invalid' }])
  })

  it('is no reason to give up, where retryable gives it', async () => {
    const handle = ({ stream }: InturnEvent): void => {
      if (stream === 'a') throw new Error('no')
    }
    const world = await worked({ handle, failure: { ...failure, retryable: later } })
    expect(ends(await world.deadLetters())).toEqual(bothFailed)
  })

  it('is heard by nobody, where the logger gives it', async () => {
    const world = new EngineWorld()
    const said: unknown[] = []
    const say = (text: unknown): unknown => {
      said.push(text)
      return later()
    }
    const processor = world.processor({}, { log: { warn: say, error: say } })
    await processor.process([{ stream: 'a' }])
    expect(said).toHaveLength(1)
  })
})

describe.each(hostileValues)('%s', (_name, make) => {
  const throwsFor = ({ stream }: { readonly stream?: unknown }): boolean => {
    if (stream === 'a') throw make()
    return true
  }
  const validate = (data: object): unknown => ({ value: throwsFor(data) })

  it.each<readonly [string, DomainShape]>([
    ['handle', { handle: throwsFor }],
    ['handle, in its own time', { handle: async (called: InturnEvent) => throwsFor(called) }],
    [
      'handleBatch',
      { handle: undefined, handleBatch: ([first]: InturnEvent[]) => first && throwsFor(first) },
    ],
    [
      'handle, and by retryable',
      {
        handle: throwsFor,
        failure: {
          ...failure,
          retryable: () => {
            throw make()
          },
        },
      },
    ],
  ])('thrown by %s is a failed attempt', async (_hook, fields) => {
    const world = await worked(fields)
    expect(ends(await world.deadLetters())).toEqual(bothFailed)
    expect((await world.stream('b'))?.state.counts.delivered).toBe(1)
  })

  it.each<readonly [string, DomainShape, ((message: object) => object) | undefined]>([
    ['a filter', { filter: throwsFor }, undefined],
    ['a schema', { schemas: { '*': { '~standard': { version: 1, vendor: 'own', validate } } } }, undefined],
    ['eventFrom', {}, (message) => (throwsFor(message) ? message : {})],
  ])('thrown by %s takes out what it was thrown for', async (_hook, fields, eventFrom) => {
    const world = await worked(fields, eventFrom)
    expect(await world.deadLetters()).toHaveLength(2)
    expect(world.calls).toEqual(['b:1'])
  })

  it('thrown by baseline leaves its stream waiting for the start', async () => {
    const world = new EngineWorld()
    const baseline = (stream: string): undefined => void throwsFor({ stream })
    await world.processor({ baseline }).process([...events('a', 5), ...events('b', 1)])
    expect(world.told('baseline-failed')).toHaveLength(1)
    expect(world.calls).toEqual(['b:1'])
  })

  it('thrown by a healer, or by what it gives, is an answer without events', async () => {
    const world = new HealWorld()
    const processor = world.processor({ ...world.healed({ attempts: 2 }, { then: 'skip', patience: '5s' }) })
    world.answer = ({ stream }: HealRequest) => (throwsFor({ stream }) ? [] : [])
    await processor.process(events('a', 1, 3))
    await world.pass(processor, 60)
    expect(world.told('healed').length).toBeGreaterThan(0)
    expect(world.calls).toEqual(['a:1', 'a:3'])
  })

  it('thrown without tracking is a failed attempt', async () => {
    const world = new EngineWorld()
    const processor = world.processor({ numbering: unordered(), handle: throwsFor, failure })
    const processing = processor.process(batch)
    for (let round = 0; round < 3; round++) {
      await world.timers.rest()
      await world.timers.advance(60_000)
    }
    expect((await processing).map(({ error }) => error instanceof Error)).toEqual([true, true, false])
    expect((await world.deadLetters()).map(({ reason }) => reason)).toEqual(['failed', 'failed'])
  })

  it('thrown when a dead letter is tried again leaves it as it was', async () => {
    const world = new EngineWorld()
    const once = { attempts: 1, then: 'dead-letter' }
    const processor = world.processor({ handle: throwsFor, failure: once })
    await processor.process(batch)
    const [letter] = await world.deadLetters()
    const redrive = { key: letter?.key ?? '', by: 'ada', reason: 'the bank is back' }
    const store = world.store()
    await store.open()
    const arrival = letter?.payload as InturnEvent
    await store.handOver(consumer, [{ stream: path('a'), arrival, redrive }])
    await sweepAll(processor)
    expect((await world.deadLetters()).map(({ attempts }) => attempts)).toContain(2)
  })

  it('thrown in a transaction is a failed attempt, and nothing of it is written', async () => {
    const folder = new SqliteFolder()
    try {
      folder.user().exec('CREATE TABLE booked (stream TEXT)')
      const world = new EngineWorld()
      const { timers } = world
      const handle = (called: InturnEvent, { transaction }: { transaction: Writer }): void => {
        transaction.run('INSERT INTO booked VALUES (?)', called.stream)
        throwsFor(called)
      }
      const store = await folder.store({ now: () => world.now })
      const domains = { account: domain({ effects: 'transaction', handle, failure }) }
      const processor = createProcessor({
        consumer,
        store,
        timers,
        domains,
        random: evenRandom,
        sweep: 'manual',
      })
      await processor.process([...batch, event('b', 2)])
      for (let round = 0; round < 3; round++) {
        await timers.advance(60_000)
        await sweepAll(processor)
      }
      expect(ends(await store.reader.deadLetters(consumer, { limit: 10 }))).toEqual(bothFailed)
      const rows = folder.user().prepare('SELECT stream FROM booked').all()
      expect(rows.map(({ stream }) => stream)).toEqual(['b', 'b'])
    } finally {
      await folder.remove()
    }
  })
})

interface Writer {
  run(sql: string, ...values: string[]): unknown
}
