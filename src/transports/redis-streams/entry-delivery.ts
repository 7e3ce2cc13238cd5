// An entry of a Redis stream as the engine gets it.
import type { Delivery } from '../../ports/source.ts'

/** A delivery of a Redis stream. */
export interface EntryDelivery extends Delivery {
  /** The id of the entry: `1690000000000-0`. */
  readonly entryId: string
}
