// The event log port: the producer's own durable log, which numbers events and can be read back from any
// position. Its whole contract stands here, and the event-log suite in `testing` proves it. Upholds I3 at the
// producer's side: a number that was given is an event that is there, until retention removes it.
import type { LogStream } from '../core/append-errors.ts'
import type { Appended, LoggedEvent, StreamAppend } from '../core/logged-event.ts'
import type { StandardSchema } from './standard-schema.ts'

/** Which events of one stream to read; ascending unless `backwards`. */
export interface StreamRead extends LogStream {
  /** The lowest number. Default 1; `kept`: the lowest that retention has left. */
  readonly from?: number | 'kept'
  /** The highest number. Default: the last one. */
  readonly to?: number
  readonly backwards?: boolean
  /** At most so many events. Default: all. */
  readonly limit?: number
}

/** Which events of the whole log; all that are named must fit. */
export interface LogFilter {
  readonly domains?: readonly string[]
  /** Event types, or patterns like `account.*`. */
  readonly types?: readonly string[]
}

/** Which events of the whole log to read, ascending by place. */
export interface LogRead extends LogFilter {
  /** Behind this place. Default 0: from the beginning; `kept`: from the first that retention has left. */
  readonly after?: number | 'kept'
  /** At most so many events. Default: all. */
  readonly limit?: number
}

/** What to follow. */
export interface LogSubscription extends LogRead {
  /** Ends the subscription, without an error. */
  readonly signal?: AbortSignal
}

/** One page of the whole log. */
export interface LogPage {
  readonly events: readonly LoggedEvent[]
  /** Everything up to this place was looked at: where the next page goes on. */
  readonly through: number
  /** Nothing lay behind `through` when it was read. */
  readonly isEnd: boolean
}

/** The numbers of a stream, or the places of a log. */
export interface LogBounds {
  /** The first one that is still there; `last + 1` where none is. */
  readonly first: number
  /** The last one that was given; 0: none yet. */
  readonly last: number
}

/** What retention removes: the longest beginning of the log all of which is older. */
export interface LogTrim {
  /** A place: everything below it. A date: everything that was appended before it, by the log's clock. */
  readonly before: number | Date
  /**
   * Gets what is about to be removed, in order, a chunk at a time; a chunk is removed once it has resolved.
   * After a crash a chunk may come again.
   */
  readonly archive?: (events: readonly LoggedEvent[]) => Promise<void>
  readonly signal?: AbortSignal
}

/** What a trim came to. */
export interface LogTrimmed {
  readonly removed: number
  /** The first place that is still there. */
  readonly first: number
}

/** Whatever events can be appended to: a log, or a log inside a transaction. */
export interface LogAppender {
  /** Appends events of one stream. As {@link LogAppender.appendAll} with one entry. */
  append(append: StreamAppend): Promise<Appended>
  /**
   * Appends events of several streams: all or nothing. Each gets the next number of its stream, dense from 1,
   * and the next place of the log; on a log that gives places after the commit it has none yet where that
   * has not happened.
   *
   * Idempotent by id, and that is looked at first: when every event is in the log already, nothing happens
   * and their numbers come back with `duplicate: true`, whatever `expected` says. So the same call may be
   * made again after any failure, until retention removes the events.
   *
   * @throws AppendConflict `append-conflict`: a stream is not where `expected` says
   * @throws InturnError `append-partly-known`: some of the ids are in the log and some are not;
   * `id-conflict`: an id is there with another type or other data; `event-invalid`: an event lacks a field,
   * is too large, has no JSON, or fails its schema; `commit-unknown` (retryable): it may have happened or not
   */
  appendAll(appends: readonly StreamAppend[]): Promise<readonly Appended[]>
}

/**
 * An event log.
 *
 * Every method rejects with an InturnError: `store-unavailable` (retryable) when it cannot be reached,
 * `store-full`, `store-read-only` or `store-corrupt` as they are, `store-closed` after `close`.
 *
 * *Visibility*: places are read in the order in which they were given. An event never becomes visible behind
 * one with a higher place that somebody could already read, so a reader that goes on behind the last place it
 * saw misses nothing.
 *
 * *Order*: appends of one log object to one stream that are not awaited take effect in the order of the
 * calls; where no other transaction can hold a stream up, all appends do.
 *
 * *Retention*: reading what was removed rejects with {@link BelowRetention}, never with less than was asked
 * for. Numbering goes on where it was. Ids of removed events are forgotten.
 */
export interface EventLog extends LogAppender {
  /** For people: `sqlite bank.db`. */
  readonly name: string
  /** Whether what is appended survives the end of the process. */
  readonly durable: boolean
  /** Brings the log into being or up to date. Appending does it too; reading creates nothing. */
  open(): Promise<void>
  close(): Promise<void>
  /** One stream, page by page as it is consumed. Ends at what was the last event when it began. */
  read(read: StreamRead): AsyncIterable<LoggedEvent>
  /** The whole log, page by page as it is consumed. Ends at the last event there is by then. */
  readAll(read?: LogRead): AsyncIterable<LoggedEvent>
  /** As `readAll`, and then every event as it comes. Ends with its signal only, or when it is left. */
  subscribe(subscription?: LogSubscription): AsyncIterable<LoggedEvent>
  /** What `readAll` goes through: for sources and relays, which keep their own place. */
  page(request: LogRead & { readonly limit: number }): Promise<LogPage>
  /** The numbers of a stream (1 and 0 where there is none), or the places of the log. */
  bounds(stream?: LogStream): Promise<LogBounds>
  /** Removes old events, at most once each; streams keep their last number. */
  trim(trim: LogTrim): Promise<LogTrimmed>
}

/** An event log that lives where its user's own data can be written in the same transaction. */
export interface TransactionalEventLog<Transaction> extends EventLog {
  /**
   * Runs a body in one transaction: what it writes through `transaction` and appends through `log` becomes
   * durable together, or not at all if the body rejects.
   */
  transaction<Result>(
    body: (transaction: Transaction, log: LogAppender) => Result | Promise<Result>,
  ): Promise<Result>
  /**
   * Appends inside a transaction that is open already: a handler's `context.transaction`, where the store and
   * the log share one database. Await each append before the handler ends.
   *
   * @throws InturnError `config-invalid` when the transaction belongs to another database
   */
  within(transaction: Transaction): LogAppender
}

/** What an event log lets in. */
export interface AppendLimits {
  /** Events a call of `append` or `appendAll`. Default 10,000. */
  readonly appendMax?: number
  /**
   * The JSON of an event's data and attributes, in bytes. Default 1,000,000: with its id, stream and type
   * less than the 1 MiB that consumers take by default.
   */
  readonly eventBytesMax?: number
  /** A stream key, in bytes; ids, types and domains too. Default 512. */
  readonly streamBytesMax?: number
  /** Checks of the data by event type (Standard Schema); `*` is any other type. */
  readonly schemas?: Readonly<Record<string, StandardSchema>>
}
