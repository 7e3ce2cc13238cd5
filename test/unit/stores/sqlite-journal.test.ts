// Positions come through the journal, the cache and every kind of undoing exactly as a plain map would have
// them (I1, I2): random batches of two stores on one file, compared with a model after each of them.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { decodeState } from '../../../src/core/encode-state.ts'
import { unknownStream } from '../../../src/core/stream-state.ts'
import type { Store, StreamChange, UnitOfWork } from '../../../src/ports/store.ts'
import type { SqliteTransaction } from '../../../src/stores/sqlite.ts'
import { packEntries, unpackEntries } from '../../../src/stores/sqlite/journal.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { savepoint } from '../../../src/testing/store-suite/samples.ts'
import { account, moved, request, SqliteFolder } from './sqlite-folder.ts'

let folder: SqliteFolder
beforeEach(() => {
  folder = new SqliteFolder()
})
afterEach(() => folder.remove())

/** What a plain map would have. */
class Model {
  readonly positions = new Map<string, number>()
  readonly deliveries = new Map<string, number>()

  next(stream: string): number {
    return (this.positions.get(stream) ?? 0) + 1
  }

  apply(changes: readonly StreamChange[]): void {
    for (const { stream, state, deliveries } of changes) {
      this.positions.set(stream, Number(state.position))
      this.deliveries.set(stream, (this.deliveries.get(stream) ?? 0) + deliveries)
    }
  }
}

interface Chance {
  readonly below: (max: number) => number
}

function someStreams({ below }: Chance): string[] {
  const streams = new Set<string>()
  for (let count = 1 + below(40); count > 0; count--) streams.add(account(below(60)))
  return [...streams]
}

function someChange({ below }: Chance, stream: string, position: number): StreamChange {
  const kind = below(20)
  if (kind === 0) return moved(stream, position, { due: { at: 5 } })
  if (kind === 1) return moved(stream, position, { state: { ...unknownStream, position, heldCount: 1 } })
  return moved(stream, position, { deliveries: below(3) })
}

async function workOnce(store: Store<SqliteTransaction>, model: Model, chance: Chance): Promise<void> {
  const streams = someStreams(chance)
  const mode = chance.below(3) === 0 ? 'claim' : 'transaction'
  const outcome = chance.below(6)
  const kept: StreamChange[][] = []
  const body = async (unit: UnitOfWork): Promise<void> => {
    for (const stream of streams)
      expect(unit.streams.get(stream)?.state.position).toBe(model.positions.get(stream))
    const first = streams.map((stream) => someChange(chance, stream, model.next(stream)))
    await unit.commit({ streams: first })
    kept.push(first)
    if (mode === 'claim') return
    const undone = savepoint(unit, async () => {
      await unit.commit({ streams: streams.map((stream) => someChange(chance, stream, 999)) })
      throw new Error('undone')
    })
    await undone.catch(() => undefined)
    const second = streams.slice(0, 12).map((stream) => someChange(chance, stream, model.next(stream) + 1))
    await savepoint(unit, () => unit.commit({ streams: second }))
    kept.push(second)
    if (outcome === 0) throw new Error('rolled back')
  }
  const worked = await store.work(request(streams, mode), body).then(
    () => true,
    (error: unknown) => {
      if (!(error instanceof Error) || error.message !== 'rolled back') throw error
      return false
    },
  )
  if (worked) for (const changes of kept) model.apply(changes)
}

async function expectModel(store: Store<SqliteTransaction>, model: Model): Promise<void> {
  const rows = await store.reader.streams('billing', { limit: 100 })
  expect(new Map(rows.map((row) => [row.stream, row.state.position]))).toEqual(model.positions)
  expect(new Map(rows.map((row) => [row.stream, row.deliveries]))).toEqual(model.deliveries)
  const sum = [...model.deliveries.values()].reduce((all, one) => all + one, 0)
  expect((await store.reader.summary('billing')).deliveries).toBe(sum)
}

test.each([1, 2, 3, 4])('two stores with little memory work at random, seed %i', async (seed) => {
  const random = new SeededRandom(seed)
  const chance = { below: (max: number) => Math.floor(random.next() * max) }
  const stores = [
    await folder.store({ cachedStreamsMax: 30 }),
    await folder.store({ cachedStreamsMax: 1000 }),
  ]
  const model = new Model()
  for (let turn = 0; turn < 120; turn++) {
    const store = stores[chance.below(12) === 0 ? 0 : 1]
    if (store === undefined) continue
    await workOnce(store, model, chance)
    if (turn % 10 === 0) await expectModel(store, model)
  }
  for (const store of stores) await expectModel(store, model)
  await stores[0]?.close()
  const again = await folder.store()
  await workOnce(again, model, chance)
  await expectModel(again, model)
  expect(model.positions.size).toBeGreaterThan(50)
})

test('the journal is folded before it grows long, and nothing is lost by it (I7)', async () => {
  const store = await folder.store({ synchronous: 'normal' })
  const model = new Model()
  const streams = Array.from({ length: 500 }, (_, index) => account(index))
  for (let turn = 0; turn < 140; turn++) {
    const changes = streams.map((stream) => moved(stream, model.next(stream)))
    await store.work(request(streams), (unit) => unit.commit({ streams: changes }))
    model.apply(changes)
    if (turn % 7 !== 0) continue
    const read = await store.reader.stream('billing', account(7))
    expect([read?.state.position, read?.deliveries]).toEqual([turn + 1, turn + 1])
  }
  const { rows } = folder.user().prepare('SELECT count(*) AS rows FROM inturn_journal').get() ?? {}
  expect(rows).toBeGreaterThan(0)
  expect(rows).toBeLessThan(132)
  const stored = await store.reader.stream('billing', account(7))
  expect([stored?.state.position, stored?.deliveries]).toEqual([140, 140])
  const other = await folder.store()
  const { value } = await other.work(request(streams), async (unit) => [...unit.streams.values()])
  expect(new Set(value.map(({ state }) => state.position))).toEqual(new Set([140]))
})

test('entries come back as they were packed', () => {
  const entries = [
    { id: 1, deliveries: 0, state: { ...unknownStream, position: 3 } },
    { id: 2 ** 40, deliveries: 300, state: { ...unknownStream, producers: Array(9_000).fill(2 ** 31) } },
    { id: 127, deliveries: 128, state: unknownStream },
  ]
  const unpacked = unpackEntries(packEntries(entries))
  expect(unpacked.map(({ state, ...entry }) => ({ ...entry, state: decodeState(state) }))).toEqual(entries)
})
