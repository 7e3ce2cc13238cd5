// What can be read of a store without a claim: for inspection, metrics and the command line. Every list is
// paged and comes in a stable order.
import type { StreamPath } from '../core/stream-path.ts'
import type { Clock, StreamState } from '../core/stream-state.ts'
import type { EffectPartial } from './commit-commands.ts'
import type {
  DeadLetter,
  DeadLetterReason,
  DomainStatus,
  DueTime,
  HeldEvent,
  LedgerEntry,
  StoredEntry,
} from './records.ts'

/** One stream as it is kept. */
export interface StoredStream {
  readonly stream: StreamPath
  readonly state: StreamState
  /** Deliveries by the store's own count. */
  readonly deliveries: number
  readonly due: DueTime
  readonly inbox?: StoredInbox
  /** The worker that has the claim now. */
  readonly claimedBy?: string
  readonly fence: number
  /** When the stream last changed, in milliseconds since 1970. */
  readonly changedAt: number
  /** What a commit did of which a command failed, as long as nobody has accounted for it. */
  readonly partial?: EffectPartial
}

/** What waits in a stream's inbox; there is none where nothing does. */
export interface StoredInbox {
  readonly arrivals: number
  /** Dead letters that are tried again. */
  readonly redrives: number
  /** There are entries that no worker has looked at yet. */
  readonly hasNew: boolean
}

/** A claim that a worker has now. */
export interface LiveClaim {
  readonly stream: StreamPath
  readonly worker: string
  readonly fence: number
  /** When it was taken, in milliseconds since 1970; renewing it changes nothing. */
  readonly since: number
}

/** Which streams to list. */
export interface StreamQuery {
  readonly domain?: string
  /** Only streams with held events or fills, a halt, a failing event, or signs of a producer's restart. */
  readonly onlyWaiting?: boolean
  /** Start behind this path. */
  readonly after?: StreamPath
  readonly limit: number
}

/** A page of one stream's or one consumer's records. `after` is the last cursor that was seen. */
export interface RecordQuery {
  readonly stream?: StreamPath
  readonly domain?: string
  readonly after?: string
  readonly limit: number
}

/** A record with the cursor that continues behind it. */
export type Paged<Item> = Item & { readonly cursor: string }

/** A consumer as a whole. */
export interface ConsumerSummary {
  readonly consumer: string
  readonly streams: number
  readonly held: number
  /** Entries of inboxes. */
  readonly handedOver: number
  readonly deadLetters: number
  readonly ledger: number
  readonly deliveries: number
  /** Streams that are halted, and streams whose head failed and waits. */
  readonly halted: number
  readonly failing: number
  readonly clock: Clock
  /** When a worker last said that it was reading; absent: never. */
  readonly lastBeatAt?: number
  readonly domains: ReadonlyMap<string, DomainStatus>
}

/** How many records a consumer has. */
export type RecordCounts = Pick<ConsumerSummary, 'deadLetters' | 'ledger'>

/** Reading a store. Errors as on the store. */
export interface StoreReader {
  consumers(): Promise<readonly string[]>
  summary(consumer: string): Promise<ConsumerSummary>
  /** Part of the summary. Workers ask for it every 10 seconds, so it counts nothing but these. */
  recordCounts(consumer: string): Promise<RecordCounts>
  /** Part of the summary, without a count of streams: it costs the same however many there are. */
  domains(consumer: string): Promise<ReadonlyMap<string, DomainStatus>>
  stream(consumer: string, stream: StreamPath): Promise<StoredStream | undefined>
  /** The claims that live now, the longest held first. */
  claims(consumer: string, query: { readonly limit: number }): Promise<readonly LiveClaim[]>
  /** Ascending by path. */
  streams(consumer: string, query: StreamQuery): Promise<readonly StoredStream[]>
  /** Ascending by stream, epoch, sequence. */
  held(consumer: string, query: RecordQuery): Promise<readonly Paged<HeldEvent>[]>
  /** What the inboxes have, ascending by arrival. */
  inbox(consumer: string, query: RecordQuery): Promise<readonly Paged<StoredEntry>[]>
  /** In the order in which they were kept. */
  deadLetters(
    consumer: string,
    query: RecordQuery & { readonly reason?: DeadLetterReason; readonly key?: string },
  ): Promise<readonly Paged<DeadLetter>[]>
  /** In the order in which they were written. */
  ledger(consumer: string, query: RecordQuery): Promise<readonly Paged<LedgerEntry>[]>
}
