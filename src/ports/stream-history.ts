// Reading what one stream had before: for whoever has events handled once more.
import type { TrackedEvent } from '../core/event.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'

/** A range of one stream's past. */
export interface PastRange {
  readonly stream: StreamPath
  readonly epoch: Epoch
  /** The first number, unwrapped. */
  readonly from: Sequence
  readonly to: Sequence
  /** Events at most. */
  readonly limit: number
  readonly signal?: AbortSignal
}

/** Where the past of streams can be read. */
export interface StreamHistory {
  /** For people: `file archive.ndjson`. */
  readonly name: string
  /**
   * Events of the stream in the range, ascending, each number once and unwrapped; the lowest ones where there
   * are more than `limit`.
   *
   * @throws InturnError `history-unavailable` when it cannot be read
   */
  read(range: PastRange): Promise<readonly TrackedEvent[]>
}
