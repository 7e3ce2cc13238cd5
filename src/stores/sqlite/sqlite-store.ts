// The SQLite store: every call of the port, carried to the file. When the disk fails, calls fail; when it
// is well again, so is the store.
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
import { ClaimUnit } from './claim-unit.ts'
import { findClaims } from './claims.ts'
import { beat, keepCheckpoint, readCheckpoint } from './consumers.ts'
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
  readonly about: AboutStore
  readonly reader: StoreReader
  readonly #file: SqliteFile
  readonly #now: () => number
  readonly #timers: Timers

  constructor(file: SqliteFile, clocks: { readonly now: () => number; readonly timers: Timers }) {
    this.about = { name: `sqlite ${file.path}`, durable: true, effects: 'transaction' }
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

  async heartbeat(consumer: string, worker: string, options: BeatOptions = {}): Promise<Beat> {
    const { database, writer, consumers } = await this.#file.opened()
    const { id } = await consumers.named(consumer)
    return writer.write('lazy', () => beat(database, id, { ...options, worker, now: this.#now() }))
  }

  async lease(name: string, request: LeaseRequest): Promise<Lease | undefined> {
    const { database, writer } = await this.#file.opened()
    return writer.write('full', () => lease(database, { ...request, name, now: this.#now() }))
  }

  async checkpoint(consumer: string, source: string, next?: string): Promise<string | undefined> {
    const { database, writer, consumers } = await this.#file.opened()
    if (next === undefined) return readCheckpoint(this.#file.reading(), consumer, source)
    const { id } = await consumers.named(consumer)
    await writer.write('lazy', () => keepCheckpoint(database, id, { source, value: next }))
    return next
  }

  async #workInTransaction<Result>(request: WorkRequest, body: Body<Result>): Promise<Worked<Result>> {
    const { database, writer, consumers } = await this.#file.opened()
    const consumer = await consumers.named(request.consumer)
    const parts = { database, consumer, request, now: this.#now }
    return writer.transact((outcome) => new TransactionUnit({ ...parts, outcome }).run(body))
  }

  async #workWithClaims<Result>(request: WorkRequest, body: Body<Result>): Promise<Worked<Result>> {
    const { database, writer, consumers } = await this.#file.opened()
    const consumer = await consumers.named(request.consumer)
    const parts = { database, writer, consumer, request, now: this.#now, committed: this.#file.reading() }
    const unit = await writer.write('full', (outcome) => new ClaimUnit({ ...parts, outcome }))
    return workWithClaims(unit, { timers: this.#timers, claimMs: request.claimMs }, body)
  }
}
