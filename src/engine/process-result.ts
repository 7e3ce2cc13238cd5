// What the caller of a processor is told about each event.
import type { InturnEvent } from '../core/event.ts'
import type { FillVerdict } from '../core/outcome.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { Verdict, VerdictReason } from '../core/verdict.ts'

/** Whether an event was refused because nobody can tell, or hold, what its number stands for. */
export function isUnplaced(reason: VerdictReason | undefined): boolean {
  return reason === 'window-used-up' || reason === 'ambiguous-number'
}

/** Whether an event was refused though its number is known, unwrapped: there is no room for it. */
export function isPlaced(reason: VerdictReason | undefined): boolean {
  return reason === 'stream-full' || reason === 'domain-full' || reason === 'producer-restarted'
}

/** What became of one event that was given to a processor. */
export interface ProcessResult {
  /**
   * The verdict. `handed-over`: kept, and not yet decided, as another worker has the stream. `refuse`: not
   * kept; give the event again later. After every other verdict the event is safe to forget.
   */
  readonly verdict: Verdict | FillVerdict | 'handed-over'
  /** Why, where the verdict alone does not say it. */
  readonly reason?: VerdictReason
  /** What was wrong, in words, for `invalid`. */
  readonly detail?: string
  /** Where the event belongs, unless it is `invalid`. */
  readonly stream?: StreamPath
  readonly epoch?: Epoch
  /** Unwrapped, unless it was not decided; for a fill its first number. */
  readonly sequence?: Sequence
  /** A fill's last number. */
  readonly to?: Sequence
  /** Held events of the stream that came in turn by it, in order. */
  readonly released: readonly InturnEvent[]
  /**
   * What the handler failed with for this event. Its verdict is `hold`: it waits for its next attempt or, by
   * its domain's policy, has halted its stream or become a dead letter. In an `unordered()` domain the
   * verdict is `deliver`, and the event is a dead letter. With the reason `schema` no handler was called:
   * what the event carries was refused, and no attempt is made by itself.
   */
  readonly error?: Error
}
