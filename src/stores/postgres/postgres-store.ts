// The Postgres store: every call of the port, carried to the server. Any number of processes work at the same
// time, each on streams of its own.
import { InturnError } from '../../core/errors.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { InboxEntry } from '../../ports/records.ts'
import { keepRenewed } from '../../ports/renewal.ts'
import type { StoreReader } from '../../ports/store-reader.ts'
import type { Beat, Lease, LeaseRequest, Store, UnitOfWork, Worked, WorkRequest } from '../../ports/store.ts'
import type { Timers } from '../../ports/timers.ts'
import type { UnitParts } from './begin-unit.ts'
import { ClaimUnit } from './claim-unit.ts'
import { listFree } from './claims.ts'
import type { Connection } from './connection.ts'
import { beat, Consumers, foldCounts, keepCheckpoint, leave, readCheckpoint } from './consumers.ts'
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
  readonly name: string
  readonly durable = true
  readonly effects = 'transaction'
  readonly reader: StoreReader
  readonly #connection: Connection
  readonly #consumers: Consumers
  readonly #timers: Timers

  constructor(connection: Connection, timers: Timers) {
    this.name = connection.name
    this.reader = new PostgresReader(connection)
    this.#connection = connection
    this.#consumers = new Consumers(connection)
    this.#timers = timers
  }

  get migrationSql(): string {
    return migrationSql(this.#connection.schema)
  }

  async open(): Promise<void> {
    this.#consumers.clear()
    await this.#connection.open()
    const [row] = await this.#connection.read(readSettingSql)
    if (row?.['synchronous_commit'] !== 'off') return
    const why = 'a crash of the server would take back what was committed, and its events were settled'
    const how = 'ALTER ROLE ... SET synchronous_commit = on, or ALTER DATABASE'
    throw new InturnError('config-invalid', `${this.name}: synchronous_commit is off: ${why}; ${how}`)
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

  async heartbeat(consumer: string, worker: string, silentMs?: number): Promise<Beat> {
    const id = await this.#consumers.named(consumer)
    const shiftMs = this.#connection.shiftMs()
    return this.#connection.write((statements) => beat(statements, id, { worker, shiftMs, silentMs }))
  }

  async leave(consumer: string, worker: string): Promise<void> {
    const id = await this.#consumers.named(consumer)
    await this.#connection.write((statements) => leave(statements, id, worker))
  }

  async lease(name: string, request: LeaseRequest): Promise<Lease | undefined> {
    const shiftMs = this.#connection.shiftMs()
    return this.#connection.write((statements) => lease(statements, { ...request, name, shiftMs }))
  }

  async checkpoint(consumer: string, source: string): Promise<string | undefined> {
    return readCheckpoint(this.#connection, consumer, source)
  }

  async saveCheckpoint(consumer: string, source: string, value: string): Promise<void> {
    const id = await this.#consumers.named(consumer)
    await this.#connection.write((statements) => keepCheckpoint(statements, id, { source, value }))
  }

  async #workInTransaction<Result>(parts: UnitParts, body: Body<Result>): Promise<Worked<Result>> {
    const { claimMs } = parts.request
    const { worked, isLoose } = await this.#connection.lend(async (session) => {
      const unit = await TransactionUnit.begin(session, parts)
      const stop = keepRenewed({
        timers: this.#timers,
        claimMs,
        renew: () => unit.renew(),
        lost: () => unit.abort(),
      })
      try {
        const value = await body(unit)
        stop()
        return { worked: { value, again: await unit.end() }, isLoose: unit.isLoose }
      } catch (error) {
        if (unit.transaction.pending > 0) session.giveUp()
        throw error
      } finally {
        stop()
        unit.revoke()
      }
    })
    if (isLoose) await this.#fold(parts.consumer)
    return worked
  }

  async #workWithClaims<Result>(parts: UnitParts, body: Body<Result>): Promise<Worked<Result>> {
    const unit = await ClaimUnit.begin(parts)
    const stop = keepRenewed({
      timers: this.#timers,
      claimMs: parts.request.claimMs,
      renew: () => unit.renew(),
      lost: () => unit.abort(),
    })
    const end = async (): Promise<readonly StreamPath[]> => {
      stop()
      return unit.end().catch(leftToExpire)
    }
    let value: Result
    try {
      value = await body(unit)
    } catch (error) {
      await end()
      throw error
    }
    const again = await end()
    if (unit.isLoose) await this.#fold(parts.consumer)
    return { value, again }
  }

  /** Folds what is counted; if that fails now, the next unit of work does it. */
  async #fold(consumer: number): Promise<void> {
    await foldCounts(this.#connection, consumer).catch(() => undefined)
  }
}

/** A release that failed changes no outcome: the claims expire, and then their streams are due. */
function leftToExpire(error: unknown): readonly StreamPath[] {
  if (error instanceof InturnError) return []
  throw error
}
