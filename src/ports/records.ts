// What a store keeps beside states: held events, inboxes, dead letters, the ledger. Upholds I3: each of them
// is kept whole, with its reason.
import type { FillEvent, InturnEvent, TrackedEvent } from '../core/event.ts'
import type { EntryKind, EventRange, RemovalReason } from '../core/outcome.ts'
import type { LogPlace } from '../core/pass.ts'
import type { Epoch, Position, Sequence } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'

/** An event that waits for a predecessor, or for its stream. One per stream, epoch and sequence. */
export interface HeldEvent {
  readonly stream: StreamPath
  readonly event: TrackedEvent
  /** Of the id, or of the data where there is no id. */
  readonly print: number
  /** Milliseconds since 1970, by the store's clock. */
  readonly heldAt: number
}

/** A range of held events of one stream. */
export interface HeldRange extends EventRange {
  readonly stream: StreamPath
}

/**
 * An entry of a stream's inbox: what is kept and not decided yet. Another worker had the stream when it came,
 * there was no room for it, or an operator has it tried again.
 */
export interface InboxEntry {
  readonly stream: StreamPath
  readonly arrival: InturnEvent | FillEvent
  /** What its number, or the first of a fill, stands for, where its counter wraps and that was known. */
  readonly known?: Sequence
  /** Where its log had it, where its counter wraps. */
  readonly logPlace?: LogPlace
  /**
   * The arrival is a dead letter that an operator sends to its handler once more, outside the order. It is
   * not decided; its dead letter, if it is still there, ends with the attempt.
   */
  readonly redrive?: Redrive
}

/** Who has a dead letter tried again, and why. */
export interface Redrive {
  /** The key of the dead letter. */
  readonly key: string
  readonly by: string
  readonly reason: string
}

/** An entry as the store keeps it. `arrivalId` rises in the order of arrival. */
export interface StoredEntry extends InboxEntry {
  readonly arrivalId: string
}

/** How much a stream's inbox has. */
export interface InboxSize {
  /** Events and fills that are to be decided. */
  readonly arrivals: number
  /** Dead letters that are tried again. */
  readonly redrives: number
  /** Rises with every entry that is appended to the inbox. */
  readonly newest: number
}

/**
 * The lowest entries of a part of a stream's inbox, by their places on the wire; of one place the earlier
 * ones.
 */
export interface InboxPage {
  readonly stream: StreamPath
  /** Entries at most. */
  readonly limit: number
  /** Only dead letters that are tried again; else only what is to be decided. */
  readonly redrives?: true
  /** Only entries at or above a place, or below one. */
  readonly from?: Position
  readonly below?: Position
}

/** Why an event was taken out of its stream. A contract: the command line prints it. */
export type DeadLetterReason = RemovalReason | 'too-large'

/** A record, so that the compiler misses none. */
const reasons: Readonly<Record<DeadLetterReason, true>> = {
  invalid: true,
  stale: true,
  late: true,
  conflict: true,
  implausible: true,
  'epoch-ended': true,
  skipped: true,
  failed: true,
  schema: true,
  'worker-died': true,
  'too-large': true,
}

/** The names of all reasons. */
export const deadLetterReasons: readonly string[] = Object.keys(reasons)

/** An event taken out of its stream, kept whole. */
export interface DeadLetter {
  /**
   * The same for every copy: one dead letter per consumer, domain, stream, epoch, sequence and id. Of what
   * cannot be read: one per content and origin.
   */
  readonly key: string
  readonly reason: DeadLetterReason
  /** What was wrong, in words. */
  readonly detail: string
  /** Absent where the event named no readable stream. */
  readonly stream?: StreamPath
  readonly epoch?: Epoch
  readonly sequence?: Sequence
  readonly id?: string
  /**
   * The event, or the message as it came where no event could be read from it: text, or bytes where it is no
   * text; of a larger one the beginning.
   */
  readonly payload: unknown
  /** Where no event could be read: the length of the whole message in bytes, and its SHA-256. */
  readonly bytes?: number
  readonly digest?: string
  /** Where no event could be read: where the message was read. */
  readonly origin?: string
  /** Milliseconds since 1970, by the store's clock. */
  readonly at: number
  readonly attempts?: number
  /** The first lines of the stack of the error that it failed with. */
  readonly stack?: string
}

/** What a ledger entry tells of: an account, or what an operator did. */
type LedgerKind =
  | EntryKind
  | 'resumed'
  | 'retried'
  | 'skipped'
  | 'sought'
  | 'recalled'
  | 'imported'
  | 'paused'
  | 'redrive-asked'
  | 'redriven'
  | 'redrive-failed'
  | 'redelivered'
  | 'dropped'
  | 'fill-given'

/** One durable record of an account other than delivered and filtered, or of an operator's action. */
export interface LedgerEntry {
  readonly kind: LedgerKind
  /** Absent where the action was on a whole domain or consumer. */
  readonly stream?: StreamPath
  /** The domain, where the action was on all of its streams. */
  readonly domain?: string
  readonly epoch?: Epoch
  readonly from?: Sequence
  readonly to?: Sequence
  /** Milliseconds since 1970, by the store's clock. */
  readonly at: number
  /** `inturn`, or the operator's name. */
  readonly by: string
  readonly reason: string
  /** What the state was before an operator's action. */
  readonly before?: unknown
}

/** What is known of a domain as a whole. */
export interface DomainStatus {
  /** Held events of all its streams; approximate by workers x batch. */
  readonly held: number
  /** Entries of the inboxes of all its streams. */
  readonly handedOver: number
  readonly paused: boolean
}

/**
 * When a stream must be looked at again though nothing arrives; both clocks are the store's (I8). Absent
 * fields: never.
 */
export interface DueTime {
  /** By the store's `now`, in milliseconds since 1970; 0 is at once. */
  readonly at?: number
  /** By the consumer's reading clock, in milliseconds. */
  readonly readingMs?: number
}
