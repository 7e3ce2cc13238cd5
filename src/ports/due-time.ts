// When a stream has to be looked at though nothing arrives. Upholds I8: both clocks are the store's.

/** When a stream must be looked at again though nothing arrives. Absent fields: never. */
export interface DueTime {
  /** By the store's `now`, in milliseconds since 1970; 0 is at once. */
  readonly at?: number
  /** By the consumer's reading clock, in milliseconds. */
  readonly readingMs?: number
}
