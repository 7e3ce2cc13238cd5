// The SQLite store: every call of the port, carried to the file. When the disk fails, calls fail; when it
// is well again, so is the store.
import { InturnError } from '../../core/errors.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { InboxEntry } from '../../ports/records.ts'
import { keepRenewed } from '../../ports/renewal.ts'
import type { StoreReader } from '../../ports/store-reader.ts'
import type { Beat, Lease, LeaseRequest, Store, UnitOfWork, Worked, WorkRequest } from '../../ports/store.ts'
import type { Timers } from '../../ports/timers.ts'
import { ClaimUnit } from './claim-unit.ts'
import { findClaims } from './claims.ts'
import { beat, beatOf, keepCheckpoint, leave, readCheckpoint } from './consumers.ts'
import { dueStreams } from './due-streams.ts'
import { appendToInbox } from './inbox.ts'
import { lease } from './leases.ts'
import type { StreamlessRecords } from './records.ts'
import { keepRecords } from './records.ts'
import type { SqliteFile } from './sqlite-file.ts'
import { SqliteReader } from './sqlite-reader.ts'
import type { SqliteTransaction } from './sqlite-transaction.ts'
import { TransactionUnit } from './transaction-unit.ts'

type Body<Result> = (unit: UnitOfWork<SqliteTransaction>) => Promise<Result>

/** A store in a SQLite file; made by `sqliteStore`. */
export class SqliteStore implements Store<SqliteTransaction> {
  readonly name: string
  readonly durable = true
  readonly effects = 'transaction'
  readonly reader: StoreReader
  readonly #file: SqliteFile
  readonly #now: () => number
  readonly #timers: Timers

  constructor(file: SqliteFile, clocks: { readonly now: () => number; readonly timers: Timers }) {
    this.name = `sqlite ${file.path}`
    this.#file = file
    this.#now = clocks.now
    this.#timers = clocks.timers
    this.reader = new SqliteReader({ connect: async () => file.reading(), now: clocks.now })
  }

  async now(): Promise<number> {
    return this.#now()
  }

  async open(): Promise<void> {
    await this.#file.open()
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  async work<Result>(request: WorkRequest, body: Body<Result>): Promise<Worked<Result>> {
    return request.mode === 'transaction'
      ? this.#workInTransaction(request, body)
      : this.#workWithClaims(request, body)
  }

  async handOver(consumer: string, entries: readonly InboxEntry[]): Promise<readonly StreamPath[]> {
    const { database, writer, consumers } = await this.#file.opened()
    const { id } = await consumers.named(consumer)
    return writer.write('full', () => {
      appendToInbox(database, id, entries)
      const streams = [...new Set(entries.map(({ stream }) => stream))]
      const claims = findClaims(database, id, streams)
      const now = this.#now()
      return streams.filter((stream) => (claims.get(stream)?.until ?? now) <= now)
    })
  }

  async record(consumer: string, records: StreamlessRecords): Promise<void> {
    const { database, writer, consumers } = await this.#file.opened()
    const { id } = await consumers.named(consumer)
    await writer.write('full', () => keepRecords(database, id, records))
  }

  async due(consumer: string, limit: number, domains?: readonly string[]): Promise<readonly StreamPath[]> {
    await this.#file.opened()
    return dueStreams(this.#file.reading(), consumer, { now: this.#now(), limit, domains })
  }

  async heartbeat(consumer: string, worker: string, silentMs?: number): Promise<Beat> {
    const { database, writer, consumers } = await this.#file.opened()
    const { id } = await consumers.named(consumer)
    return writer.write('lazy', () => {
      const now = this.#now()
      const readingMs = beat(database, id, now)
      return { now, readingMs, died: beatOf(database, id, { worker, now, silentMs }) }
    })
  }

  async leave(consumer: string, worker: string): Promise<void> {
    const { database, writer, consumers } = await this.#file.opened()
    const { id } = await consumers.named(consumer)
    await writer.write('lazy', () => leave(database, id, worker))
  }

  async lease(name: string, request: LeaseRequest): Promise<Lease | undefined> {
    const { database, writer } = await this.#file.opened()
    return writer.write('full', () => lease(database, { ...request, name, now: this.#now() }))
  }

  async checkpoint(consumer: string, source: string): Promise<string | undefined> {
    await this.#file.opened()
    return readCheckpoint(this.#file.reading(), consumer, source)
  }

  async saveCheckpoint(consumer: string, source: string, value: string): Promise<void> {
    const { database, writer, consumers } = await this.#file.opened()
    const { id } = await consumers.named(consumer)
    await writer.write('lazy', () => keepCheckpoint(database, id, { source, value }))
  }

  async #workInTransaction<Result>(request: WorkRequest, body: Body<Result>): Promise<Worked<Result>> {
    const { database, writer, consumers } = await this.#file.opened()
    const consumer = await consumers.named(request.consumer)
    return writer.transact(async (outcome) => {
      const unit = new TransactionUnit({ database, consumer, request, outcome, now: this.#now })
      try {
        const value = await body(unit)
        return { value, again: unit.end() }
      } finally {
        unit.revoke()
      }
    })
  }

  async #workWithClaims<Result>(request: WorkRequest, body: Body<Result>): Promise<Worked<Result>> {
    const { database, writer, consumers } = await this.#file.opened()
    const consumer = await consumers.named(request.consumer)
    const parts = { database, writer, consumer, request, now: this.#now, committed: this.#file.reading() }
    const unit = await writer.write('full', (outcome) => new ClaimUnit({ ...parts, outcome }))
    const stop = keepRenewed({
      timers: this.#timers,
      claimMs: request.claimMs,
      renew: async () => unit.renew(),
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
    return { value, again: await end() }
  }
}

/** A release that failed changes no outcome: the claims expire, and then their streams are due. */
function leftToExpire(error: unknown): readonly StreamPath[] {
  if (error instanceof InturnError) return []
  throw error
}
