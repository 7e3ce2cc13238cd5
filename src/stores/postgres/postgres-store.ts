// The Postgres store: every call of the port, carried to the server. Any number of processes work at the same
// time, each on streams of its own.
import { InturnError } from '../../core/errors.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { InboxEntry } from '../../ports/records.ts'
import type { StoreReader } from '../../ports/store-reader.ts'
import type {
  AboutStore,
  Beat,
  BeatOptions,
  Lease,
  LeaseRequest,
  Store,
  UnitOfWork,
  Worked,
  WorkRequest,
} from '../../ports/store.ts'
import type { Timers } from '../../ports/timers.ts'
import { workWithClaims } from '../../storage/unit-of-work.ts'
import type { PostgresUnitParts } from './begin-unit.ts'
import { ClaimUnit } from './claim-unit.ts'
import { listFree } from './claims.ts'
import type { Connection } from './connection.ts'
import { beat, Consumers, foldCounts, keepCheckpoint, readCheckpoint } from './consumers.ts'
import { dueStreams } from './due-streams.ts'
import { appendToInbox, inboxColumns } from './inbox.ts'
import { lease } from './leases.ts'
import type { PostgresTransaction } from './postgres-client.ts'
import { PostgresReader } from './postgres-reader.ts'
import type { StreamlessRecords } from './records.ts'
import { keepRecords, recordStatements } from './records.ts'
import { realAt } from './row.ts'
import { migrationSql } from './schema.ts'
import { TransactionUnit } from './transaction-unit.ts'

const readNowSql = 'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 + $1::float8 AS now'
const readSettingSql = "SELECT current_setting('synchronous_commit') AS synchronous_commit"

type Body<Result> = (unit: UnitOfWork<PostgresTransaction>) => Promise<Result>

/** A store on Postgres; made by `postgresStore`. */
export class PostgresStore implements Store<PostgresTransaction> {
  readonly about: AboutStore
  readonly reader: StoreReader
  readonly #connection: Connection
  readonly #consumers: Consumers
  readonly #timers: Timers

  constructor(connection: Connection, timers: Timers) {
    this.about = {
      name: connection.name,
      durable: true,
      effects: 'transaction',
      transactionsMax: connection.transactionsMax,
      migrationSql: migrationSql(connection.schema),
    }
    this.reader = new PostgresReader(connection)
    this.#connection = connection
    this.#consumers = new Consumers(connection)
    this.#timers = timers
  }

  async open(): Promise<void> {
    this.#consumers.clear()
    await this.#connection.open()
    const [row] = await this.#connection.read(readSettingSql)
    if (row?.['synchronous_commit'] !== 'off') return
    const why = 'a crash of the server would take back what was committed, and its events were settled'
    const how = 'ALTER ROLE ... SET synchronous_commit = on, or ALTER DATABASE'
    throw new InturnError('config-invalid', `${this.about.name}: synchronous_commit is off: ${why}; ${how}`)
  }

  async close(): Promise<void> {
    await this.#connection.close()
  }

  async now(): Promise<number> {
    const [row] = await this.#connection.read(readNowSql, this.#connection.shiftMs())
    return realAt(row, 'now')
  }

  async work<Result>(request: WorkRequest, body: Body<Result>): Promise<Worked<Result>> {
    const consumer = await this.#consumers.named(request.consumer)
    const parts = { connection: this.#connection, consumer, request }
    return request.mode === 'transaction'
      ? this.#workInTransaction(parts, body)
      : this.#workWithClaims(parts, body)
  }

  async handOver(consumer: string, entries: readonly InboxEntry[]): Promise<readonly StreamPath[]> {
    const connection = this.#connection
    const columns = inboxColumns(entries)
    const id = await this.#consumers.named(consumer)
    const streams = [...new Set(entries.map(({ stream }) => stream))]
    const [, free = []] = await connection.writeAndLook(
      (statements) => appendToInbox(statements, id, columns),
      (statements) => listFree(statements, { consumer: id, streams, shiftMs: connection.shiftMs() }),
    )
    return streams.filter((stream) => free.includes(stream))
  }

  async record(consumer: string, records: StreamlessRecords): Promise<void> {
    const statements = recordStatements([records])
    const id = await this.#consumers.named(consumer)
    await this.#connection.write((session) => keepRecords(session, id, statements))
  }

  async due(consumer: string, limit: number, domains?: readonly string[]): Promise<readonly StreamPath[]> {
    return dueStreams(this.#connection, consumer, { limit, domains })
  }

  async heartbeat(consumer: string, worker: string, options: BeatOptions = {}): Promise<Beat> {
    const id = await this.#consumers.named(consumer)
    const shiftMs = this.#connection.shiftMs()
    return this.#connection.write((statements) => beat(statements, id, { ...options, worker, shiftMs }))
  }

  async lease(name: string, request: LeaseRequest): Promise<Lease | undefined> {
    const shiftMs = this.#connection.shiftMs()
    return this.#connection.write((statements) => lease(statements, { ...request, name, shiftMs }))
  }

  async checkpoint(consumer: string, source: string, next?: string): Promise<string | undefined> {
    if (next === undefined) return readCheckpoint(this.#connection, consumer, source)
    const id = await this.#consumers.named(consumer)
    await this.#connection.write((statements) => keepCheckpoint(statements, id, { source, value: next }))
    return next
  }

  async #workInTransaction<Result>(parts: PostgresUnitParts, body: Body<Result>): Promise<Worked<Result>> {
    const { worked, isLoose } = await this.#connection.lend(async (session) => {
      const unit = await TransactionUnit.begin(session, parts)
      return { worked: await unit.run(this.#timers, body), isLoose: unit.isLoose }
    })
    if (isLoose) await this.#fold(parts.consumer)
    return worked
  }

  async #workWithClaims<Result>(parts: PostgresUnitParts, body: Body<Result>): Promise<Worked<Result>> {
    const unit = await ClaimUnit.begin(parts)
    const { claimMs } = parts.request
    const worked = await workWithClaims(unit, { timers: this.#timers, claimMs }, body)
    if (unit.isLoose) await this.#fold(parts.consumer)
    return worked
  }

  /** Folds what is counted; if that fails now, the next unit of work does it. */
  async #fold(consumer: number): Promise<void> {
    await foldCounts(this.#connection, consumer).catch(() => undefined)
  }
}
