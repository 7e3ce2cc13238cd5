// The one base class of inturn's errors. Outcomes are values (a verdict); an error is a failure. Each code
// has an entry in docs/errors.md that says what happened and what to do.

import { withoutCredentials } from './without-credentials.ts'

/** Every way in which inturn can fail. Closed: adaptors translate their driver's errors into one of these. */
export type ErrorCode =
  | 'config-invalid'
  | 'event-invalid'
  | 'input-unreadable'
  | 'usage'
  | 'store-unavailable'
  | 'store-full'
  | 'store-read-only'
  | 'store-corrupt'
  | 'store-replaced'
  | 'store-schema-newer'
  | 'store-schema-older'
  | 'store-closed'
  | 'commit-unknown'
  | 'claim-lost'
  | 'append-conflict'
  | 'append-partly-known'
  | 'id-conflict'
  | 'below-retention'
  | 'reservation-ended'
  | 'source-unavailable'
  | 'sink-unavailable'
  | 'clock-moved-back'
  | 'too-many-ids'
  | 'lease-expired'
  | 'workers-taken'
  | 'operation-refused'
  | 'position-moved'
  | 'stream-busy'
  | 'history-unavailable'
  | 'records-full'
  | 'caught-up-timeout'
  | 'handler-timeout'
  | 'handler-failed'
  | 'command-invalid'
  | 'effect-failed'
  | 'effect-partial'
  | 'shutting-down'
  | 'invariant-violated'

/** Options of an {@link InturnError}. */
export interface InturnErrorOptions {
  /** Whether the same call may succeed later with nothing changed. Default false. */
  readonly retryable?: boolean
  readonly cause?: unknown
}

/** Codes whose message says again what somebody gave as an option or an argument. */
const typedCodes: ReadonlySet<ErrorCode> = new Set(['usage', 'config-invalid', 'input-unreadable'])

/**
 * A failure of inturn. `code` is stable and documented; `message` says what was wrong, where, and what to do.
 * Names and passwords of URLs are left out of it.
 */
export class InturnError extends Error {
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly #isOurs = true

  /** What `instanceof` asks: safe to ask of anything that was caught, a revoked proxy among it. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    const isOurs = typeof value === 'object' && value !== null && #isOurs in value && value.#isOurs
    if (!isOurs || this === InturnError) return isOurs
    return Function.prototype[Symbol.hasInstance].call(this, value)
  }

  constructor(code: ErrorCode, message: string, options: InturnErrorOptions = {}) {
    const said = withoutCredentials(message, { isTyped: typedCodes.has(code) })
    super(said, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'InturnError'
    this.code = code
    this.retryable = options.retryable ?? false
  }
}

/**
 * States what must hold. A failure means that inturn itself is wrong: the stream stops, nothing is retried.
 *
 * @throws InturnError `invariant-violated`
 */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InturnError('invariant-violated', `inturn broke its own rule: ${message}`)
}
