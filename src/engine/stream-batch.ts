// What came for one stream in a batch: the unit in which streams are claimed, decided and reported.
import type { StreamPath } from '../core/stream-path.ts'
import type { TrackedDomain } from './domain.ts'
import type { TurnArrival } from './turn-outcome.ts'

/** What came for one stream in a batch; nothing, where a stream is only looked at again. */
export interface StreamBatch {
  readonly domain: TrackedDomain
  readonly path: StreamPath
  readonly stream: string
  readonly arrivals: readonly TurnArrival[]
}
