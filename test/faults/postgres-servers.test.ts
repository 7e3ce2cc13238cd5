// What servers do under running workers: a standby takes over, with all that was acknowledged or with less,
// and disks run full. The workers say so and go on by themselves; in the end every event has its row once and
// in order, and the books balance (I1, I2, I3, I10). `npm run soak` runs hundreds of rounds.
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fieldOf } from '../../src/core/thrown.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { PostgresServer, PostgresServerOptions } from '../services/postgres-server.ts'
import { startPostgres } from '../services/postgres-server.ts'
import type { TcpProxy } from '../services/tcp-proxy.ts'
import { startProxy } from '../services/tcp-proxy.ts'
import type { PostgresWorldOptions } from './postgres-world.ts'
import { PostgresWorld } from './postgres-world.ts'

const rounds = Number(process.env['INTURN_SOAK_ROUNDS'] ?? 1)
const soakMs = 600_000 + rounds * 60_000
const workers = ['one', 'two']
const streams = 10
let servers: PostgresServer[]
let proxy: TcpProxy
let world: PostgresWorld
let random: SeededRandom

beforeEach(() => {
  random = new SeededRandom(rounds)
  servers = []
})

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') process.stderr.write(world.told())
  await end()
})

async function end(): Promise<void> {
  await world.end()
  await proxy.stop()
  for (const server of servers.splice(0)) await server.stop()
}

async function started(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const server = await startPostgres([], options)
  servers.push(server)
  return server
}

/** Starts workers, who find the server by way of a proxy. */
async function begin(server: PostgresServer, options: Partial<PostgresWorldOptions> = {}): Promise<void> {
  proxy = await startProxy(server.port)
  const url = new URL(options.url ?? server.url)
  const workersUrl = new URL(url)
  workersUrl.port = String(proxy.port)
  world = new PostgresWorld({
    url: url.href,
    workersUrl: workersUrl.href,
    random,
    workers,
    streams,
    ...options,
  })
  await world.open()
  for (const worker of workers) world.start(worker)
}

/** Runs one statement; says what its first row is. */
async function ask(server: PostgresServer, sql: string, ...values: unknown[]): Promise<unknown> {
  const client = new Client({ connectionString: server.url })
  await client.connect()
  try {
    const { rows } = await client.query<{ value: unknown }>(sql, values)
    return rows[0]?.value
  } finally {
    await client.end()
  }
}

async function untilAnswered(
  server: PostgresServer,
  wanted: unknown,
  sql: string,
  ...values: unknown[]
): Promise<void> {
  await world.until(async () => (await ask(server, sql, ...values)) === wanted)
}

/** The primary is gone, and all who look for the database are led to the standby. */
async function failOver(primary: PostgresServer, standby: PostgresServer): Promise<void> {
  process.kill(primary.pid, 'SIGKILL')
  await primary.stop()
  proxy.lead(standby.port)
  await world.moveTo(standby.url)
}

function promote(standby: PostgresServer): Promise<unknown> {
  return ask(standby, 'SELECT pg_promote() AS value')
}

test(
  `${rounds} rounds: a synchronous standby takes over, and nothing that was acknowledged is lost (I2, I3)`,
  async () => {
    for (let round = 1; round <= rounds; round++) {
      const primary = await started()
      const standby = await started({ standbyOf: primary })
      await ask(primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")
      await ask(primary, 'SELECT pg_reload_conf()')
      await begin(primary)
      await untilAnswered(primary, 'sync', 'SELECT sync_state AS value FROM pg_stat_replication')
      world.arrive(30)
      await world.untilDone(random.whole(10, 200))
      const acknowledged = await world.done()
      await failOver(primary, standby)
      await world.until(() => world.told().includes('it is a standby or read-only'))
      expect(await world.done()).toBeGreaterThanOrEqual(acknowledged)
      await promote(standby)
      world.arrive(5)
      await world.untilDone()
      await world.untilQuiet()
      expect([await world.done(), await world.wrong()]).toEqual([world.total, []])
      if (round < rounds) await end()
    }
  },
  soakMs,
)

/** A standby has what is there now, and nothing of what comes. */
async function fallBehind(primary: PostgresServer, standby: PostgresServer): Promise<void> {
  const place = await ask(primary, 'SELECT pg_current_wal_lsn()::text AS value')
  await untilAnswered(standby, true, 'SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS value', place)
  await ask(standby, "ALTER SYSTEM SET primary_conninfo = ''")
  await ask(standby, 'SELECT pg_reload_conf()')
  await untilAnswered(primary, 0, 'SELECT count(*)::int AS value FROM pg_stat_replication')
}

test.each(['go on, and gaps are healed', 'start again, and read from what the store knows'])(
  'a standby that is behind takes over: rows and positions go back together, and workers %s (I1, I2)',
  async (what) => {
    const heals = what.startsWith('go on')
    const primary = await started()
    const standby = await started({ standbyOf: primary })
    await begin(primary, { heals })
    world.arrive(10)
    await world.untilDone()
    await fallBehind(primary, standby)
    world.arrive(20)
    await world.untilDone()
    for (const worker of heals ? [] : workers) await world.kill(worker)
    await failOver(primary, standby)
    await promote(standby)
    for (const worker of heals ? [] : workers) world.start(worker)
    expect(await world.done()).toBeLessThan(world.total)
    world.arrive(5)
    await world.untilDone()
    await world.untilQuiet()
    expect([await world.done(), await world.wrong()]).toEqual([world.total, []])
  },
)

/** Takes all the room that a disk has; says how to give it back. */
function fill(disk: string): () => void {
  const path = join(disk, 'ballast')
  const file = openSync(path, 'w')
  const fullBy = (size: number): void => {
    try {
      for (;;) writeSync(file, Buffer.alloc(size))
    } catch (error) {
      if (fieldOf(error, 'code') !== 'ENOSPC') throw error
    }
  }
  for (const size of [1 << 20, 1 << 12, 1]) fullBy(size)
  return () => {
    closeSync(file)
    unlinkSync(path)
  }
}

test('on a full disk workers wait, and go on by themselves when there is room (I2, I3, I10)', async () => {
  const server = await started({ small: 'tables' })
  await ask(server, `CREATE TABLESPACE small LOCATION '${join(server.disk, 'tables')}'`)
  await ask(server, 'CREATE DATABASE bank TABLESPACE small')
  const url = new URL(server.url)
  url.pathname = '/bank'
  await begin(server, { url: url.href })
  world.arrive(20)
  await world.untilDone()
  const makeRoom = fill(server.disk)
  world.arrive(100)
  await world.until(() => world.told().includes('its disk is full'))
  makeRoom()
  await world.untilDone()
  await world.untilQuiet()
  expect([await world.done(), await world.wrong()]).toEqual([world.total, []])
})

test('a server that stops as it has no room for its log goes on where it was (I2, I3, I10)', async () => {
  const server = await started({ small: 'wal' })
  await begin(server)
  world.arrive(20)
  await world.untilDone()
  const makeRoom = fill(server.disk)
  world.arrive(100)
  const sql = "SELECT pg_logical_emit_message(true, 'much', repeat('much', 100000))::text AS value"
  await world.until(() =>
    ask(server, sql).then(
      () => false,
      () => true,
    ),
  )
  await world.until(() => world.told().includes('the store failed'))
  makeRoom()
  await server.startAgain()
  await world.untilDone()
  await world.untilQuiet()
  expect([await world.done(), await world.wrong()]).toEqual([world.total, []])
})

/** To a process that may have ended by itself. */
function signal(pid: number, name: 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if (fieldOf(error, 'code') !== 'ESRCH') throw error
  }
}

test(
  `${rounds} rounds: connections fall silent, the server's processes stand still, and workers go on (I2, I5)`,
  async () => {
    const server = await started()
    await begin(server, { replyMs: 500, handlerMs: 2_000 })
    for (let round = 1; round <= rounds; round++) {
      world.arrive(60)
      await world.untilDone(world.total - 40 * streams + random.whole(0, 100))
      const stopped = await world.pids()
      for (const pid of stopped) signal(pid, 'SIGSTOP')
      if (random.chance(0.5)) proxy.silence()
      const before = world.told().split('no answer within').length
      world.arrive(10)
      await world.until(() => world.told().split('no answer within').length > before)
      for (const pid of stopped) signal(pid, 'SIGCONT')
      proxy.silence()
      await world.untilDone()
    }
    await world.untilQuiet()
    expect([await world.done(), await world.wrong()]).toEqual([world.total, []])
  },
  soakMs,
)
