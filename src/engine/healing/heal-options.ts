// What a user writes about the healing of gaps.
import type { Duration } from '../../core/duration.ts'
import type { Healer } from '../../ports/healer.ts'

/** Whom to ask for missing events, and how often. */
export interface HealOptions {
  /** Who is asked: an event log, a file, a service; or a function that answers as a healer does. */
  readonly with: Healer | Healer['heal']
  /** How long a gap is left to close by itself first. Default 1 s. */
  readonly after?: Duration
  /** How often a gap is asked for. Patience does not end before the last attempt has. Default 5. */
  readonly attempts?: number
  /** How long one answer may take, at least 1 ms. Default 30 s. */
  readonly timeout?: Duration
  /** The wait after the first attempt; it doubles each time, with full jitter. Default 1 s. */
  readonly backoff?: Duration
  /** The longest wait between two attempts. Default 30 s. */
  readonly backoffMax?: Duration
  /** Events asked for at once. Default 500. */
  readonly chunk?: number
}
