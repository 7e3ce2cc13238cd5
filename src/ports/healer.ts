// The healer port: whom the engine asks for missing numbers. What a healer brings obeys the rules like
// anything that arrives; a healer is trusted with nothing.
import type { EventFrom } from '../core/event-from.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'

/** One question: what is there in this range of a stream? */
export interface HealRequest {
  readonly domain: string
  readonly stream: string
  readonly epoch: Epoch
  /** The first missing number; `null` where the beginning of the chain is unknown (linked numbering). */
  readonly from: Sequence | null
  /** The last missing number. */
  readonly to: Sequence
  /**
   * The same numbers as they are on the wire, where the domain's counter wraps: one round of it, so that
   * `from` is never above `to`.
   */
  readonly wire?: { readonly from: number; readonly to: number }
  /** Messages wanted at most, the lowest numbers first. */
  readonly limit: number
  /**
   * How whoever asks finds events in messages, for a healer that has to look for them. A message is right if
   * this says that it is of the stream; the text of a message need not have the stream's name in it.
   */
  readonly eventFrom?: EventFrom
  /**
   * Told by a healer that looks through a part of what there is: which part that was, for people. Whoever
   * asks says so with the outcome.
   */
  readonly onSearched?: (what: string) => void
  /** Fires when the answer is no longer wanted: the gap has closed, time is up, or the worker ends. */
  readonly signal: AbortSignal
}

/** Finds missing events where they can still be had: an event log, a file, a service. */
export interface Healer {
  /** For people: `file archive.ndjson`. */
  readonly name: string
  /**
   * The missing messages as a transport would bring them: objects, or JSON as text or bytes. An empty answer
   * means *not now*. What it throws is told, and counts as an empty answer.
   */
  heal(request: HealRequest): Promise<readonly unknown[]>
}
