// What a relay tells about its work. A listener gets plain values; what it throws is ignored, so that
// watching never disturbs.
import type { InturnError } from '../core/errors.ts'

/** How far a relay is behind its log. */
export interface RelayLag {
  /**
   * How many events of the log are not known to be at the sink: exact with one shard and no filter, else at
   * most so many. 0: none that it has to send.
   */
  readonly events: number
  /** How long ago the oldest of them was appended, in milliseconds; 0 where there is none. */
  readonly ageMs: number
}

interface ShardNews {
  /** The name of the relay. */
  readonly relay: string
  /** From 1. */
  readonly shard: number
}

/** Something that happened in a relay. */
export type RelayNews =
  /** It has a shard's lease now, and goes on behind the place `through` of the log. */
  | ({ readonly kind: 'relay-taken'; readonly through: number } & ShardNews)
  /** Another relay has taken over, or the store could not be reached for as long as the lease lasts. */
  | ({ readonly kind: 'relay-lost' } & ShardNews)
  /** Events are at the sink, and the place is kept: everything of the shard up to `through` is there. */
  | ({ readonly kind: 'relay-sent'; readonly events: number; readonly through: number } & ShardNews)
  /** The log, the sink or the store failed. What was in hand is sent again. */
  | ({ readonly kind: 'relay-failed'; readonly error: InturnError; readonly retryInMs: number } & ShardNews)
  | ({ readonly kind: 'relay-recovered' } & ShardNews)
  /** Told every second, also while the sink fails. */
  | ({ readonly kind: 'relay-lag'; readonly relay: string } & RelayLag)

/** Receives {@link RelayNews}. Called at once, so it should be quick. */
export type RelayTelemetry = (news: RelayNews) => void

/** Who is told what one relay does. */
export interface RelayListener {
  /** Awaited before the relay opens its store; what it rejects with ends the relay. */
  readonly open?: () => Promise<void>
  readonly tell: RelayTelemetry
  /** The relay has ended. */
  readonly ended?: () => void
}
