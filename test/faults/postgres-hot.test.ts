// States on Postgres that change touch no index, so that the table of positions does not grow with what was
// processed (I7). `npm run soak` makes 200,000 updates.
import { expect, test } from 'vitest'
import { postgresStore } from '../../src/stores/postgres.ts'
import { account, at, moved } from '../../src/testing/store-suite/samples.ts'
import { startPostgres } from '../services/postgres-server.ts'
import { testPool } from '../services/shared-postgres.ts'

const isSoak = process.env['INTURN_SOAK_ROUNDS'] !== undefined
const streams = Array.from({ length: 300 }, (_, index) => account(`s${index}`))
const positions = Math.ceil((isSoak ? 200_000 : 12_000) / streams.length)

interface Counted {
  readonly updates: number
  readonly hot: number
}

test('states that change touch no index: every update stays in its page', { timeout: 600_000 }, async () => {
  // On a server of its own: a transaction that is open anywhere keeps old rows alive.
  const server = await startPostgres()
  const store = postgresStore(server.url)
  const pool = testPool({ connectionString: server.url })
  await store.open()
  const request = {
    consumer: 'billing',
    worker: 'one',
    streams,
    mode: 'transaction',
    claimMs: 30_000,
  } as const
  for (let position = 0; position <= positions; position++) {
    await store.work(request, (unit) =>
      unit.commit({ streams: streams.map((stream) => moved(stream, position, { state: at(position) })) }),
    )
  }
  const count = async (): Promise<Counted | undefined> => {
    const { rows } = await pool.query<Counted>(`
      SELECT n_tup_upd::int AS updates, n_tup_hot_upd::int AS hot
      FROM pg_stat_user_tables WHERE relid = 'inturn.stream'::regclass`)
    return rows[0]
  }
  const updates = streams.length * positions
  // A connection tells what it has counted a little later, or at its end.
  await store.close()
  await expect.poll(async () => (await count())?.updates, { timeout: 60_000 }).toBe(updates)
  expect((await count())?.hot).toBeGreaterThan(updates * 0.95)
  await pool.end()
  await server.stop()
})
