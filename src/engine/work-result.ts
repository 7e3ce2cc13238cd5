// What a piece of work on some streams comes to, for the engine to report and to follow up.
import type { StreamPath } from '../core/stream-path.ts'
import type { PlannedTurn } from './plan-turns.ts'
import type { StreamBatch } from './stream-batch.ts'

/** What became of a set of batches. */
export interface WorkResult {
  /**
   * Turns that are durable. Of one stream there may be several, in order; the first had the arrivals of the
   * batch.
   */
  readonly done: readonly PlannedTurn[]
  /** Streams that another worker has. */
  readonly busy: readonly StreamBatch[]
  /** Streams whose claim was lost before their commit: nothing of their arrivals has been decided. */
  readonly lost: readonly StreamBatch[]
  /** Streams for which events were handed over meanwhile. */
  readonly again: readonly StreamPath[]
}
