// The port of a sequencer: where the last number of each stream is kept, who has reserved which numbers, and
// which of them will never come. Upholds I3 at the producer's side: a number that was taken is an event's, or
// is said to be nobody's.
import type { LogStream } from '../core/append-errors.ts'

/** Whole numbers `from..to`, both included. */
export interface NumberRange {
  readonly from: number
  readonly to: number
}

/** Numbers that somebody has for a time. */
export interface StoredReservation extends NumberRange {
  readonly reservation: string
  /** When the claim ends, in milliseconds since 1970, by the store's clock. */
  readonly until: number
}

/** Numbers that will never come. */
export interface BurnedNumbers extends LogStream, NumberRange {
  readonly reservation: string
  readonly reason: string
}

/** Messages of a source that are to be numbered, each by its stream and its id at the source. */
export interface AssignRequest {
  /** Whose ids these are: one source. */
  readonly scope: string
  readonly messages: readonly (LogStream & { readonly id: string })[]
  /** How many of the scope's last ids are remembered with their numbers. */
  readonly windowMax: number
}

/**
 * Where sequencers keep their numbers. Errors are those of a store.
 *
 * Numbers of a stream begin at 1, rise without holes, and are never given twice, over all processes and
 * restarts. Each reservation is open, and then exactly one of used and burned; one whose claim has ended by
 * the store's clock is burned.
 */
export interface SequenceStore {
  /** For people: `sqlite bank.db`. */
  readonly name: string
  readonly durable: boolean
  open(): Promise<void>
  close(): Promise<void>
  /** Takes the next numbers of a stream, under a claim of `claimMs`. */
  reserve(
    stream: LogStream,
    request: { readonly count: number; readonly claimMs: number },
  ): Promise<StoredReservation>
  /**
   * The numbers are an event's now. `false` when they are burned. Once more, within an hour, says the same.
   */
  use(reservation: string): Promise<boolean>
  /** The numbers will never come. `false` when they were used. */
  burn(reservation: string, reason: string): Promise<boolean>
  /** Burned numbers of a domain that are not published yet, those whose claims have ended included. */
  burned(request: { readonly domain: string; readonly limit: number }): Promise<readonly BurnedNumbers[]>
  /** These were published. */
  published(reservations: readonly string[]): Promise<void>
  /**
   * The number of each message: the one that it got before, if that is remembered, and else its stream's next
   * one, which is remembered in the same moment.
   */
  assign(request: AssignRequest): Promise<readonly number[]>
  /** The last number of a stream that was taken; 0: none. */
  last(stream: LogStream): Promise<number>
}

/**
 * A sequence store that lives where its user's own data can be written in the same transaction.
 *
 * @typeParam Taken - what `take` gives: numbers, or a promise of them where statements are awaited
 */
export interface TransactionalSequenceStore<Transaction, Taken = NumberRange> extends SequenceStore {
  /**
   * Takes the next numbers of a stream in a transaction that is open: they are taken if it commits, and were
   * never taken if it does not. So there is no gap, and nothing to claim.
   *
   * @throws InturnError `config-invalid` when the transaction belongs to another database
   */
  take(transaction: Transaction, stream: LogStream, count?: number): Taken
}
