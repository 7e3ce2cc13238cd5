// Operators and workers race for the same dead letters: whatever they do and when, each has at most one
// effect, none is lost, and the books balance (I2, I3).
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import type { TransactionContext } from '../../../src/engine/domain-options.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import { dropDeadLetters } from '../../../src/operate/drop-dead-letters.ts'
import { retryDeadLetters } from '../../../src/operate/retry-dead-letters.ts'
import { verifyConsumer } from '../../../src/operate/verify.ts'
import { aroundStore } from '../../../src/ports/around-store.ts'
import type { Store } from '../../../src/ports/store.ts'
import type { SqliteTransaction } from '../../../src/stores/sqlite.ts'
import { SqliteFolder } from '../stores/sqlite-folder.ts'
import { consumer, domain, EngineWorld, events, Gate, path, sweepAll } from './engine-world.ts'

const streams = ['a', 'b', 'c']
const failure = { attempts: 1, then: 'dead-letter' } as const

/** What somebody does, and when. */
interface Deed {
  readonly atMs: number
  readonly what: 'retry' | 'drop' | 'sweep'
  readonly stream: string
  readonly worker: number
}

const deed: fc.Arbitrary<Deed> = fc.record({
  atMs: fc.integer({ min: 0, max: 3_000 }),
  what: fc.constantFrom('retry', 'retry', 'sweep', 'sweep', 'sweep', 'drop'),
  stream: fc.constantFrom(...streams),
  worker: fc.integer({ min: 0, max: 2 }),
})

async function race(deeds: readonly Deed[], failures: readonly boolean[], tookMs: number): Promise<void> {
  const world = new EngineWorld()
  const effects = new Map<string, number>()
  let calls = 0
  const handle = async (
    event: InturnEvent,
    { isRedrive }: { readonly isRedrive: boolean },
  ): Promise<void> => {
    if (!isRedrive) throw new Error('not yet')
    const fails = failures[calls++ % failures.length] === true
    await world.timers.sleep(tookMs)
    if (fails) throw new Error('not now')
    const place = `${event.stream}:${String(event.sequence)}`
    effects.set(place, (effects.get(place) ?? 0) + 1)
  }
  const workers = [0, 1, 2].map(() => world.processor({ handle, failure }))
  await workers[0]?.process(streams.flatMap((stream) => events(stream, 1, 2)))
  await world.memory.open()
  const target = { store: world.memory, consumer, domains: new Map(), timers: world.timers }
  const running = deeds.map(async ({ atMs, what, stream, worker }, index) => {
    await world.timers.sleep(atMs)
    if (what === 'sweep') return workers[worker]?.sweep()
    const request = { by: `${what} ${index}`, reason: 'a race', stream: path(stream), waitMs: 60_000 }
    return what === 'retry' ? retryDeadLetters(target, request) : dropDeadLetters(target, request)
  })
  const end = { isOver: false }
  const all = Promise.all(running).finally(() => (end.isOver = true))
  all.catch(() => undefined)
  while (!end.isOver) await world.timers.advance(10)
  await all
  const resting = sweepAll(workers[0] ?? world.processor()).finally(() => (end.isOver = true))
  end.isOver = false
  while (!end.isOver) await world.timers.advance(10)
  await resting
  await expectOneEffectEach(world, effects)
}

async function expectOneEffectEach(world: EngineWorld, effects: ReadonlyMap<string, number>): Promise<void> {
  const ledger = await world.ledger()
  const letters = new Set((await world.deadLetters()).map(({ key }) => key))
  const ends = (kind: string, key: string): number =>
    ledger.filter((entry) => entry.kind === kind && Reflect.get(Object(entry.before), 'key') === key).length
  for (const stream of streams) {
    for (const sequence of [1, 2]) {
      const key = `${path(stream)}/0/${sequence}/${stream}-${sequence}`
      const effect = effects.get(`${stream}:${sequence}`) ?? 0
      const [redriven, dropped] = [ends('redriven', key), ends('dropped', key)]
      expect({ key, redriven }).toEqual({ key, redriven: effect })
      expect(redriven + dropped + (letters.has(key) ? 1 : 0), `ends of ${key}`).toBe(1)
    }
  }
  expect(await world.handedOver()).toBe(0)
  const verified = await verifyConsumer({ reader: world.memory.reader, consumer }, new Map())
  expect(verified.imbalances).toEqual([])
}

describe('operators and workers race', () => {
  it('each dead letter has one end, and an effect only if it is redriven', async () => {
    const races = fc.asyncProperty(
      fc.array(deed, { minLength: 1, maxLength: 30 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 0, max: 500 }),
      race,
    )
    await expect(fc.assert(races, { numRuns: 100 })).resolves.toBeUndefined()
  })
})

describe('with transactions, on SQLite', () => {
  let folder: SqliteFolder
  beforeEach(() => {
    folder = new SqliteFolder()
    folder.user().exec('CREATE TABLE booked (place TEXT, attempt INTEGER)')
  })
  afterEach(() => folder.remove())

  function booked(): readonly string[] {
    const rows = folder.user().prepare('SELECT place, attempt FROM booked ORDER BY rowid').all()
    return rows.map((row) => `${String(row['place'])}#${String(row['attempt'])}`)
  }

  async function worker(fails: ReadonlySet<number>, fields: object = {}, wrapped?: Store<SqliteTransaction>) {
    const store = wrapped ?? (await folder.store())
    const handle = async (
      { stream, sequence }: InturnEvent,
      { transaction, attempt }: TransactionContext<SqliteTransaction>,
    ): Promise<void> => {
      transaction.run('INSERT INTO booked VALUES (?, ?)', `${stream}:${String(sequence)}`, attempt)
      await new Promise((resolve) => setImmediate(resolve))
      if (fails.has(Number(sequence))) throw new Error(`no ${String(sequence)}`)
    }
    const options = { effects: 'transaction', handle, failure, ...fields }
    const domains = { account: domain(options) }
    return { store, processor: createProcessor({ consumer, store, domains, sweep: 'manual' }) }
  }

  it('effect and end of a dead letter commit together, once, whoever else tries it', async () => {
    const fails = new Set([2, 3])
    const made = await Promise.all([1, 2, 3].map(() => worker(fails)))
    const [first] = made
    await first?.processor.process([...events('a', 1, 2, 3), ...events('b', 1, 2)])
    expect(booked()).toEqual(['a:1#1', 'b:1#1'])
    fails.delete(2)
    const retries = made.map(({ store }, index) =>
      retryDeadLetters(
        { store, consumer, domains: new Map() },
        { by: `operator ${index}`, reason: 'again', only: 'failed' },
      ),
    )
    await Promise.all([...retries, ...made.map(({ processor }) => processor.sweep())])
    for (let rounds = 0; rounds < 5; rounds++) {
      await Promise.all(made.map(({ processor }) => processor.sweep()))
    }
    expect(booked().toSorted()).toEqual(['a:1#1', 'a:2#2', 'b:1#1', 'b:2#2'])
    const reader = first?.store.reader
    const letters = await reader?.deadLetters(consumer, { limit: 9 })
    expect(letters).toMatchObject([{ sequence: 3, detail: 'Error: no 3' }])
    expect(letters?.[0]?.attempts).toBeGreaterThan(1)
    const ledger = (await reader?.ledger(consumer, { limit: 99 })) ?? []
    expect(ledger.filter(({ kind }) => kind === 'redriven')).toHaveLength(2)
    // Letter 3 was there for whoever asked.
    const asked = ledger.filter(({ kind, from }) => kind === 'redrive-asked' && from === 3)
    expect(asked.map(({ by }) => by).toSorted()).toEqual(['operator 0', 'operator 1', 'operator 2'])
    expect((await reader?.summary(consumer))?.handedOver).toBe(0)
    const view = { reader: (await folder.store()).reader, consumer }
    expect((await verifyConsumer(view, new Map())).imbalances).toEqual([])
  })

  it.each(['dropped', 'claimed'] as const)(
    'one that is %s between its two transactions has no effect, and is not lost',
    async (what) => {
      const { processor, store } = await worker(new Set([1]))
      await processor.process(events('a', 1))
      const target = { store, consumer, domains: new Map() }
      await retryDeadLetters(target, { by: 'ada', reason: 'again', only: 'failed' })
      const other = await folder.store()
      const [letter] = await other.reader.deadLetters(consumer, { limit: 1 })
      const gate = new Gate()
      const between = async (): Promise<void> => {
        if (what === 'dropped') await other.record(consumer, { redriven: [letter?.key ?? ''] })
        else {
          const streams = [path('a')]
          const request = { consumer, worker: 'other', streams, mode: 'claim', claimMs: 60_000 } as const
          other.work(request, () => gate.wait()).catch(() => undefined)
          await gate.reached
        }
      }
      // The turn of the stream, the beginning of the attempt, the attempt.
      const stirred = aroundStore(await folder.store(), async ({ method, nth }, run) => {
        if (method === 'work' && nth === 3) await between()
        return run()
      })
      const mended = await worker(new Set(), {}, stirred)
      await mended.processor.sweep()
      expect(booked()).toEqual([])
      gate.open()
      for (let rounds = 0; rounds < 5; rounds++) await mended.processor.sweep()
      expect(booked()).toEqual(what === 'dropped' ? [] : ['a:1#3'])
      expect((await store.reader.summary(consumer)).handedOver).toBe(0)
      expect((await store.reader.summary(consumer)).deadLetters).toBe(0)
    },
  )

  it('a handler that rolls the whole transaction back has failed', async () => {
    folder.user().exec('CREATE TABLE once (id INTEGER PRIMARY KEY)')
    const { processor, store } = await worker(new Set([1]))
    await processor.process(events('a', 1))
    const handle = (_event: InturnEvent, context: TransactionContext<SqliteTransaction>): void => {
      context.transaction.run('INSERT INTO once VALUES (1)')
      try {
        context.transaction.run('INSERT OR ROLLBACK INTO once VALUES (1)')
      } catch {
        // A handler that goes on as if nothing had happened.
      }
    }
    const wrong = await worker(new Set(), { handle })
    const target = { store, consumer, domains: new Map() }
    await retryDeadLetters(target, { by: 'ada', reason: 'again', only: 'failed' })
    await wrong.processor.sweep()
    const [letter] = await store.reader.deadLetters(consumer, { limit: 9 })
    expect(letter).toMatchObject({ attempts: 2, reason: 'failed' })
    expect(letter?.detail).toContain('rolled back')
    expect(folder.user().prepare('SELECT * FROM once').all()).toEqual([])
  })
})
