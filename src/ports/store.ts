// The store port: where positions, held events, ledger and dead letters live. A store claims,
// compares-and-sets, keeps and lists; it knows no rule. Its whole contract stands here, and the store suite
// in `testing` proves it.
import type { InturnError } from '../core/errors.ts'
import { invariant } from '../core/errors.ts'
import type { InturnEvent } from '../core/event.ts'
import type { IdWindow } from '../core/numbering.ts'
import type { Position } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { Clock, StreamState } from '../core/stream-state.ts'
import type { CommitCommands, EffectPartial, EffectStep } from './commit-commands.ts'
import type {
  DeadLetter,
  DomainStatus,
  DueTime,
  HeldEvent,
  HeldRange,
  InboxEntry,
  InboxPage,
  InboxSize,
  LedgerEntry,
  StoredEntry,
} from './records.ts'
import type { StoreReader } from './store-reader.ts'

/** A worker's stake in some streams for one batch. */
export interface WorkRequest {
  readonly consumer: string
  /** The name of the worker, unique among the consumer's workers. */
  readonly worker: string
  /** Each once. May be empty: a transaction for events of domains without tracking. */
  readonly streams: readonly StreamPath[]
  /**
   * `transaction`: one transaction from before the states are read until the body has ended; what the body
   * wrote through `unit.transaction` and `unit.commit` becomes durable together, or not at all if the body
   * throws. `claim`: leased, fenced claims and no open transaction; each `unit.commit` is atomic by itself.
   */
  readonly mode: 'transaction' | 'claim'
  /** How long a claim lasts when it is not renewed, in milliseconds. The store renews it at a third. */
  readonly claimMs: number
  /**
   * A transaction with the same work was refused at its commit, for what is checked no sooner: each savepoint
   * finds out whether that is its doing, and fails with `handler-failed` if it is.
   */
  readonly wasRefused?: boolean
}

/** What changes around a stream that stays where it is. */
export interface StreamRecords {
  readonly stream: StreamPath
  /** Entries of the stream's inbox that are decided now, by arrival id. */
  readonly decided: readonly string[]
  readonly deadLetters: readonly DeadLetter[]
  /** Dead letters, by key, that are taken out. They are forgotten before `deadLetters` are kept. */
  readonly redriven: readonly string[]
  readonly ledger: readonly LedgerEntry[]
  /**
   * Commands to run before all this is written, in order, where the unit of work has `commands`. If one
   * fails, nothing of the stream is written; see {@link EffectPartial}. Only with a change of state is the
   * failure kept beyond the outcome.
   */
  readonly effects?: readonly EffectStep[]
}

/** Everything that changes for one stream in a commit. */
export interface StreamChange extends StreamRecords {
  readonly state: StreamState
  /** Events to keep; a held event with the same number is replaced. */
  readonly hold: readonly HeldEvent[]
  /** Held events to forget. Applied before `hold`. */
  readonly release: readonly HeldRange[]
  /**
   * Added to the stream's count of deliveries, which is kept apart from its state so that the two can be
   * compared.
   */
  readonly deliveries: number
  /** The inbox was looked at up to here ({@link InboxSize.newest}): what stays in it makes nothing due. */
  readonly inboxSeen?: number
  readonly due: DueTime
  /** What the store keeps of commands that failed in part is forgotten: the state accounts for it. */
  readonly settlesPartial?: boolean
}

/** What becomes durable together. */
export interface Commit {
  /** Of a stream that is given as `StreamRecords`, state, due time and count of deliveries stay. */
  readonly streams: readonly (StreamChange | StreamRecords)[]
  /**
   * Those of the streams that the unit of work has done with: it may not use them any more. Mode `claim`:
   * their claims are released with the commit, if it is made; others can have them while the unit goes on.
   */
  readonly ended?: readonly StreamPath[]
  /** Ids of `unordered()` domains that were processed, for their id windows. */
  readonly ids?: readonly ProcessedIds[]
  /** Dead letters and ledger entries that belong to no claimed stream. */
  readonly deadLetters?: readonly DeadLetter[]
  readonly ledger?: readonly LedgerEntry[]
  /** Dead letters of no claimed stream, by key, that were taken out again: redriven, or dropped. */
  readonly redriven?: readonly string[]
  /** Domains that an operator pauses or resumes. */
  readonly paused?: readonly { readonly domain: string; readonly paused: boolean }[]
}

/** Ids that were processed, and how long and how many of its domain to remember. */
export interface ProcessedIds {
  readonly domain: string
  readonly ids: readonly string[]
  readonly window: IdWindow
}

/** What became of one stream's part of a commit; the last: a command of it failed. */
export type CommitOutcome = 'committed' | 'claim-lost' | EffectPartial

/** A stream that a unit of work has won, as it was then. */
export interface WonStream {
  /** `unknownStream` where the store does not know it. */
  readonly state: StreamState
  /** Rises with every claim of the stream. */
  readonly fence: number
  /** Its inbox, if that has entries. */
  readonly inbox: InboxSize | undefined
  /**
   * It was won from a claim that had expired: its worker died with it in hand, or stood still for longer
   * than its claim. A claim that its unit released, also because its body threw, never counts.
   */
  readonly isTakenOver: boolean
}

/** The open transaction of a unit of work. */
export interface UnitTransaction<Transaction = unknown> {
  /** What handlers write through. */
  readonly forHandlers: Transaction
  /** Why nothing of the transaction can be committed any more; `undefined`: it stands. */
  readonly ended: TransactionEnd | undefined
  /** Runs a part whose writes are undone, alone, if it throws. */
  savepoint<Result>(run: () => Promise<Result>): Promise<Result>
  /**
   * Of a transaction that several handlers can use at the same time: runs a part in which they do, without
   * savepoints. What must have the transaction for itself (a lock that only other transactions respect, a
   * setting, a savepoint) fails then, and {@link ended} says so.
   */
  atOnce?(run: () => Promise<void>): Promise<void>
}

/** How a transaction ended before its unit of work: what comes after that is refused. */
export interface TransactionEnd {
  /**
   * What the store itself has failed with in a statement of a handler, whether the handler passed it on or
   * not; what a handler throws says nothing about this store, as it may come from another one. Absent: a
   * statement of a handler has rolled the whole transaction back.
   */
  readonly fault?: InturnError
}

/**
 * The streams that a worker won for a batch, and what it may do with them. Not usable after the body has
 * ended.
 */
export interface UnitOfWork<Transaction = unknown, Commands = unknown> {
  readonly clock: Clock
  /** The streams that were won. */
  readonly streams: ReadonlyMap<StreamPath, WonStream>
  /** Streams that another worker has. */
  readonly busy: readonly StreamPath[]
  /** Every domain of the consumer that the store knows something of. */
  readonly domains: ReadonlyMap<string, DomainStatus>
  /** Mode `transaction` of a store with transactions. */
  readonly transaction: UnitTransaction<Transaction> | undefined
  /** Mode `claim` of a store that runs commands in its commits: how handlers give them. */
  readonly commands?: CommitCommands<Commands>
  /** Fires when a claim is lost. */
  readonly signal: AbortSignal
  /** The held events of some ranges, in one round trip; ascending by (epoch, sequence) within a stream. */
  held(ranges: readonly HeldRange[]): Promise<readonly HeldEvent[]>
  /** Entries of inboxes, page by page, the lowest of each first, in one round trip. */
  inbox(pages: readonly InboxPage[]): Promise<readonly StoredEntry[]>
  /** Which of the ids were processed within the domain's window. */
  knownIds(domain: string, ids: readonly string[]): Promise<ReadonlySet<string>>
  /**
   * Makes changes durable: at once in mode `claim`, with the transaction in mode `transaction`. A stream
   * whose claim is lost changes nothing and comes back as `claim-lost`, one of which a command failed as what
   * of it had its effect; the others are committed.
   *
   * @throws InturnError `commit-unknown` when it cannot be told whether the commit happened
   */
  commit(commit: Commit): Promise<readonly CommitOutcome[]>
}

/** What a unit of work came to. */
export interface Worked<Result> {
  readonly value: Result
  /** Streams of this unit whose inbox has got entries that were not looked at. */
  readonly again: readonly StreamPath[]
}

/** How a worker beats. */
export interface BeatOptions {
  /**
   * Asks for other workers that have been silent for longer than this and have not left: each is told once,
   * to one of those who ask, and known no more until it beats again.
   */
  readonly silentMs?: number
  /** The worker ends by its own will: nothing is added to the clock, nobody is told that it fell silent. */
  readonly leaves?: boolean
}

/** What a beat came to: both clocks of the consumer, and bad news. */
export interface Beat extends Clock {
  /** Workers that fell silent without leaving; empty unless they were asked for. */
  readonly died: readonly string[]
}

/** What a holder asks for. */
export interface LeaseRequest {
  /** Unique to this life of the holder: a process that starts again is another holder. */
  readonly holder: string
  /** How long the lease lasts from now, in milliseconds; 0 gives it back. */
  readonly ms: number
  /**
   * For holders that use up the lease's own time, as ids with a timestamp do. Given, the store keeps the end
   * of this name's leases for good, whether they expire or are given back. Giving back ends the lease at
   * exactly this instant, in milliseconds since 1970 by the store's clock: all time before it is used up.
   */
  readonly usedUntil?: number
}

/**
 * A temporary, exclusive right to something that is no stream: a sweep, a healer, a worker id. Renewing
 * never brings its end nearer. Where the end is kept (`usedUntil`), no lease of the name begins before the
 * end of the one before it, also if the store's clock is set back in between.
 */
export interface Lease {
  /** Rises with every holder. */
  readonly fence: number
  /** The store's clock when the lease was given or renewed, in milliseconds since 1970. */
  readonly now: number
  /** Milliseconds since 1970, by the store's clock. */
  readonly until: number
}

/** What a store is. */
export interface AboutStore {
  /** For people: `sqlite billing.db`. */
  readonly name: string
  /** Whether what is committed survives the end of the process. */
  readonly durable: boolean
  /** Whether handlers can write inside the commit. */
  readonly effects: 'transaction' | 'fenced'
  /** How many transactions a worker may have open side by side, each on streams of its own. Default 1. */
  readonly transactionsMax?: number
  /** What makes its tables where there are none, for people who run it themselves. */
  readonly migrationSql?: string
}

/**
 * A store.
 *
 * Every method rejects with an InturnError: `store-unavailable` (retryable) when it cannot be reached,
 * `store-full`, `store-read-only` or `store-corrupt` as they are. Nothing has changed then.
 */
export interface Store<Transaction = unknown, Commands = unknown> {
  readonly about: AboutStore
  /**
   * Brings the store into being or up to date. Called once before anything else; safe to call by many
   * workers.
   */
  open(): Promise<void>
  close(): Promise<void>
  /** The store's clock, in milliseconds since 1970. */
  now(): Promise<number>
  /**
   * Claims streams, runs the body with those that were won, and releases them. In mode `transaction` of a
   * store whose `effects` are `fenced`, and in mode `claim`, a stream that another worker has is in `busy`.
   */
  work<Result>(
    request: WorkRequest,
    body: (unit: UnitOfWork<Transaction, Commands>) => Promise<Result>,
  ): Promise<Worked<Result>>
  /**
   * Appends to the inboxes of streams; needs no claim. They are due at once. Returns those of the streams
   * that are free by now: their claim may have been released before the entries were kept, so the caller must
   * look after them itself.
   */
  handOver(consumer: string, entries: readonly InboxEntry[]): Promise<readonly StreamPath[]>
  /** Keeps what needs no claim. A dead letter that is there already stays as it is. */
  record(consumer: string, records: Omit<Commit, 'streams' | 'ids'>): Promise<void>
  /**
   * Streams with work that nothing will arrive for: due times, entries of inboxes that nobody has looked at
   * or that are dead letters to be tried again, claims that expired; the longest overdue first. The inboxes
   * of a paused domain are no work.
   *
   * @param domains - only streams of these domains; absent: of all
   */
  due(consumer: string, limit: number, domains?: readonly string[]): Promise<readonly StreamPath[]>
  /**
   * Says that a worker of the consumer has been reading its source. Time since the consumer's last beat is
   * added to its reading clock if it is at most 5 seconds. Returns both clocks.
   */
  heartbeat(consumer: string, worker: string, options?: BeatOptions): Promise<Beat>
  /** Takes or renews a lease; `undefined` while another holder has it. `ms: 0` gives it back. */
  lease(name: string, request: LeaseRequest): Promise<Lease | undefined>
  /**
   * A source's own note of how far it was settled. With `next` that one is kept instead, and returned. It
   * may become durable a little later: what it forgets is delivered again and recognised.
   */
  checkpoint(consumer: string, source: string, next?: string): Promise<string | undefined>
  /** Reading for people and tools; never waits for a worker. */
  readonly reader: StoreReader
}

/** A stream that a unit of work has won. */
export function wonStream({ streams }: Pick<UnitOfWork, 'streams'>, path: StreamPath): WonStream {
  const won = streams.get(path)
  invariant(won !== undefined, `${path} was used in a unit of work that has not won it`)
  return won
}

/** Whether a stream's part of a commit changes its state. */
export function changesState(change: StreamChange | StreamRecords): change is StreamChange {
  return 'state' in change
}

/** Whether what was kept, or arrived, is an event (and not a fill). */
export function isEvent(arrival: object): arrival is InturnEvent {
  return !('fill' in arrival)
}

/** The place of an event, or the first one of a fill, as its producer wrote it. */
export function placeOnWire(arrival: InboxEntry['arrival']): Position {
  if (!isEvent(arrival)) return { epoch: arrival.epoch, sequence: arrival.fill.from }
  const { epoch, wireEpoch = epoch, sequence = 0, wireSequence = sequence } = arrival
  return { epoch: wireEpoch, sequence: wireSequence }
}
