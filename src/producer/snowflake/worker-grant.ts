// What a generator of ids needs to know about its worker id: which it is, and which timestamps are its own.
// Upholds the one rule from which uniqueness follows: no two grants share a worker id and an instant.

/**
 * A right to use a worker id for the timestamps from `fromMs` to before `untilMs`, in milliseconds since
 * 1970.
 */
export interface WorkerGrant {
  readonly worker: number
  readonly fromMs: number
  /** Grows while the right is renewed; never shrinks. */
  readonly untilMs: number
  /** The last timestamp that was used. Written by the generator that has the grant. */
  usedMs: number
}

/** Where a generator has its worker id and its time from. */
export interface WorkerIds {
  /** Worker ids go from 0 to below this. */
  readonly workers: number
  /** The right that holds now; another object whenever it is another right. */
  readonly grant: WorkerGrant
  /** The time, in whole milliseconds since 1970. May go back. */
  now(): number
  /** Told once, by the one generator that uses these. */
  attach(): void
  /** Why there is no time after the grant's end. */
  readonly failure: unknown
}
