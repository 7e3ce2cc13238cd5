// Workers as processes of their own over one Postgres, for tests that do them harm: each reads a file of its
// own in which events are shuffled and doubled. A handler notes its event in a row, and moves money between
// two of some purses that all streams share, in any order: every event must have its row once and in order,
// and the purses must have nothing together.
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool, QueryResultRow } from 'pg'
import { postgresStore } from '../../src/stores/postgres.ts'
import type { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { Running, TestFolder } from '../integration/run-inturn.ts'
import { inturn, sourceUrl, startInturn, testFolder } from '../integration/run-inturn.ts'
import { testPool } from '../services/shared-postgres.ts'

/** What a world is about. */
export interface PostgresWorldOptions {
  /** The database, as the test sees it. */
  readonly url: string
  /** Where workers find it: by way of a pooler or a proxy, perhaps. */
  readonly workersUrl?: string
  readonly random: SeededRandom
  readonly workers: readonly string[]
  readonly streams: number
  /** Gaps are healed from a file in which everything is. */
  readonly heals?: boolean
  /** How long an answer may take, in milliseconds. */
  readonly replyMs?: number
  /** How long a handler may take, in milliseconds. */
  readonly handlerMs?: number
}

const purses = 5

/** Workers, their events, and what came of them. */
export class PostgresWorld {
  readonly #options: PostgresWorldOptions
  readonly #folder: TestFolder = testFolder()
  readonly #running = new Map<string, Running>()
  #url: string
  #pool: Pool
  #each = 0

  constructor(options: PostgresWorldOptions) {
    this.#options = options
    this.#url = options.url
    this.#pool = testPool({ connectionString: options.url, max: 10 })
    for (const name of ['archive', ...options.workers]) this.#folder.write(`${name}.ndjson`, '')
  }

  /** The number of all events so far. */
  get total(): number {
    return this.#each * this.#options.streams
  }

  /** Makes the tables of the handlers. */
  async open(): Promise<void> {
    await this.query(`
      CREATE TABLE effect (id bigint GENERATED ALWAYS AS IDENTITY, stream text, sequence int);
      CREATE TABLE purse (name int PRIMARY KEY, money bigint NOT NULL);
      INSERT INTO purse SELECT name, 0 FROM generate_series(0, ${purses - 1}) AS name`)
  }

  /** The database is at another place from now on, as the test sees it. */
  async moveTo(url: string): Promise<void> {
    await this.#pool.end()
    this.#url = url
    this.#pool = testPool({ connectionString: url, max: 10 })
  }

  /** Ends everything. */
  async end(): Promise<void> {
    for (const { child } of this.#running.values()) child.kill('SIGKILL')
    await Promise.all([...this.#running.values()].map(({ ended }) => ended))
    this.#folder.remove()
    await this.#pool.end()
  }

  async query<Row extends QueryResultRow>(sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.#pool.query<Row>(sql, values)).rows
  }

  /** Starts a worker; it goes on where the one of the same name stopped. */
  start(worker: string): void {
    this.#folder.write(`${worker}.config.ts`, this.#config(worker))
    const running = startInturn(this.#folder.path, 'run', '--config', `${worker}.config.ts`)
    this.#running.set(worker, running)
  }

  /** Ends a worker without warning. */
  async kill(worker: string): Promise<void> {
    const running = this.#running.get(worker)
    this.#running.delete(worker)
    running?.child.kill('SIGKILL')
    await running?.ended
  }

  /** Has a worker stand still, or go on. */
  signal(worker: string, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#running.get(worker)?.child.kill(signal)
  }

  /** What workers have said since they were started. */
  told(): string {
    return [...this.#running].map(([worker, running]) => `${worker}:\n${running.stderr()}`).join('\n')
  }

  /** Gives every worker `more` events of each stream, shuffled and doubled. */
  arrive(more: number): void {
    const { random, streams, workers } = this.#options
    const from = this.#each
    this.#each += more
    const all = Array.from({ length: more * streams }, (_, index) => {
      const [stream, sequence] = [`s${index % streams}`, from + Math.floor(index / streams) + 1]
      const event = { domain: 'account', stream, sequence, id: `${stream}#${sequence}`, data: {} }
      return { text: `${JSON.stringify(event)}\n`, index }
    })
    this.#append('archive', all)
    for (const worker of workers) {
      const sent = all.map(({ text, index }) => ({ text, place: index + random.whole(0, 30) }))
      const copies = sent.filter(() => random.chance(0.2)).map((one) => ({ ...one, place: one.place + 40 }))
      this.#append(
        worker,
        [...sent, ...copies].sort((a, b) => a.place - b.place),
      )
    }
  }

  /** How many rows handlers have written. */
  async done(): Promise<number> {
    const [row] = await this.query<{ n: number }>('SELECT count(*)::int AS n FROM effect')
    return row?.n ?? 0
  }

  /** Waits until something is so; a worker that has ended by itself is an error. */
  async until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await isSo())) {
      for (const [worker, one] of this.#running) {
        if (one.child.exitCode !== null) throw new Error(`${worker} has ended: ${one.stderr()}`)
      }
      await sleep(20)
    }
  }

  /** Waits for so many rows; while the server is away there are none. */
  async untilDone(rows: number = this.total): Promise<void> {
    await this.until(async () => (await this.done().catch(() => 0)) >= rows)
  }

  /** Waits until the store has no entries left that are to be looked at. */
  async untilQuiet(): Promise<void> {
    const store = postgresStore(this.#url)
    await this.until(async () => (await store.reader.inbox('billing', { limit: 1 })).length === 0)
    await store.close()
  }

  /** What is wrong: numbers that are not each there once and in order, sums that are off, books. */
  async wrong(): Promise<readonly unknown[]> {
    const disorder = await this.query(`
      SELECT stream, sequence, nth FROM (
        SELECT stream, sequence, row_number() OVER (PARTITION BY stream ORDER BY id) AS nth FROM effect
      ) AS numbered WHERE sequence <> nth LIMIT 9`)
    const sums = await this.query('SELECT sum(money)::int AS sum FROM purse HAVING sum(money) <> 0')
    const { code, stdout, stderr } = await inturn(this.#folder.path, 'verify', '--store', this.#url)
    const isBalanced = code === 0 && stdout.includes('billing: everything adds up')
    return [...disorder, ...sums, ...(isBalanced ? [] : [`${code}: ${stdout}${stderr}`])]
  }

  /** Ends connections of workers, wherever they are. */
  async terminate(): Promise<void> {
    for (const pid of (await this.pids()).filter(() => this.#options.random.chance(0.5))) {
      await this.query('SELECT pg_terminate_backend($1)', [pid])
    }
  }

  /** The processes of the server that work for workers. */
  async pids(): Promise<readonly number[]> {
    const connections = await this.query<{ pid: number }>(`
      SELECT pid FROM pg_stat_activity
      WHERE application_name = 'inturn' AND datname = current_database()`)
    return connections.map(({ pid }) => pid)
  }

  #append(name: string, lines: readonly { readonly text: string }[]): void {
    appendFileSync(join(this.#folder.path, `${name}.ndjson`), lines.map(({ text }) => text).join(''))
  }

  #config(worker: string): string {
    const { url, workersUrl = url, heals = false, replyMs = 10_000, handlerMs = 30_000 } = this.#options
    const heal = "heal: { with: fileHealer('archive.ndjson'), after: '200ms', attempts: 500 }"
    return `
      import { contiguous } from ${sourceUrl('core/numbering.ts')}
      import { postgresStore } from ${sourceUrl('stores/postgres.ts')}
      import { fileHealer, fileSource } from ${sourceUrl('transports/file.ts')}
      export default {
        consumer: 'billing',
        worker: '${worker}-' + process.pid,
        store: postgresStore('${workersUrl}', { connectionsMax: 5, replyMs: ${replyMs} }),
        source: fileSource('${worker}.ndjson', { checkpointMs: 50, pollMs: 20, follow: true }),
        batch: 40,
        claim: '1s',
        sweepEvery: '50ms',
        domains: {
          account: {
            numbering: contiguous(),
            effects: 'transaction',
            timeout: ${handlerMs},
            failure: { attempts: 1_000, backoff: '100ms', backoffMax: '1s' },
            gap: { patience: '1h', ${heals ? heal : ''} },
            handle: async ({ stream, sequence }, { transaction }) => {
              const note = 'INSERT INTO effect (stream, sequence) VALUES ($1, $2)'
              await transaction.query(note, [stream, sequence])
              const pay = 'UPDATE purse SET money = money + $2 WHERE name = $1'
              const from = (Number(stream.slice(1)) + sequence) % ${purses}
              await transaction.query(pay, [from, -sequence])
              await transaction.query(pay, [(from + 1 + sequence % 3) % ${purses}, sequence])
            },
          },
        },
      }`
  }
}
