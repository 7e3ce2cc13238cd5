// The four ways in which a domain numbers its events. What each means is decided in decide.ts; here they are
// named, made and checked.
import type { Duration } from './duration.ts'
import { durationMs } from './duration.ts'
import { InturnError } from './errors.ts'

/** Next is last + 1. Gaps are seen at once. */
export interface Contiguous {
  readonly kind: 'contiguous'
  /** The first number of a stream, or `first-seen`: whatever comes first is the baseline. */
  readonly start: number | 'first-seen'
  /** The producer's counter wraps here (2^16, 2^32). Absent: it does not wrap. */
  readonly modulus?: number
}

/** An event names its predecessor; numbers rise along the chain, not densely. */
export interface Linked {
  readonly kind: 'linked'
}

/** Any greater number is in turn. Gaps cannot be seen. */
export interface Increasing {
  readonly kind: 'increasing'
}

/** Tracking off: events run at once, side by side. */
export interface Unordered {
  readonly kind: 'unordered'
  /** Ids are remembered within this window to remove duplicates. Absent: nothing is remembered. */
  readonly idWindow?: IdWindow
  /** Events wait for those with lower ids. Absent: none waits. */
  readonly orderWithin?: OrderWithin
}

/** How long, and how many, events of an `unordered()` domain wait to be ordered by id. */
export interface OrderWithin {
  /** In milliseconds. */
  readonly ms: number
  /** At most this many events a domain, in each worker; default 10,000. */
  readonly events: number
}

/** How many ids an `unordered()` domain remembers, and how long; the first limit that is met holds. */
export interface IdWindow {
  /** At most this many ids a domain; default 100,000. */
  readonly ids: number
  /** In milliseconds; default 10 minutes. */
  readonly ms: number
}

/** A numbering with tracking: the stream has a position. */
export type TrackedNumbering = Contiguous | Linked | Increasing

/** How a domain's events are numbered. */
export type Numbering = TrackedNumbering | Unordered

/**
 * Numbers without holes: next is last + 1. Safe integers.
 *
 * @param options - `start`: 1 (default), 0, any whole number, or `'first-seen'`. `modulus`: where a device's
 * counter wraps, for example 65536; numbers are unwrapped to the one nearest to the position (RFC 1982).
 * @throws InturnError `config-invalid` when start or modulus is not such a number
 */
export function contiguous(
  options: { readonly start?: number | 'first-seen'; readonly modulus?: number } = {},
): Contiguous {
  const { start = 1, modulus } = options
  if (start !== 'first-seen' && !Number.isSafeInteger(start)) {
    throw new InturnError(
      'config-invalid',
      `contiguous: start takes a whole number or 'first-seen', not ${start}`,
    )
  }
  if (modulus === undefined) return { kind: 'contiguous', start }
  if (!Number.isSafeInteger(modulus) || modulus < 4 || modulus > 2 ** 52) {
    throw new InturnError(
      'config-invalid',
      `contiguous: modulus takes a whole number from 4 to 2^52, not ${modulus}`,
    )
  }
  if (start !== 'first-seen' && (start < 0 || start >= modulus)) {
    throw new InturnError(
      'config-invalid',
      `contiguous: start ${start} must lie from 0 to below modulus ${modulus}`,
    )
  }
  return { kind: 'contiguous', start, modulus }
}

/** Numbers that name their predecessor in the event's `previous`; `previous: null` starts a stream. */
export function linked(): Linked {
  return { kind: 'linked' }
}

/**
 * Numbers that only rise: Kafka offsets, Snowflake ids, log sequence numbers; 64 bits and more as `bigint`.
 */
export function increasing(): Increasing {
  return { kind: 'increasing' }
}

/**
 * No order and no number needed; failure is retry, then dead letter.
 *
 * @param options - `idWindow`: remember ids to remove duplicates, at most `ids` (default 100,000) for `ms`
 * milliseconds (default 600,000). `orderWithin`: a worker keeps each event for so long, at least 1 ms, and
 * handles the domain's events one after another by id, as far as they arrive within that time of each other;
 * with `{ ms, events }` at most `events` wait (default 10,000)
 * @throws InturnError `config-invalid` when a limit is not a positive whole number
 * @example
 * const clicks = unordered({ idWindow: { ids: 50_000 }, orderWithin: '200ms' })
 */
export function unordered(
  options: {
    readonly idWindow?: Partial<IdWindow>
    readonly orderWithin?: Duration | { readonly ms: number; readonly events?: number }
  } = {},
): Unordered {
  const { idWindow, orderWithin } = options
  return {
    kind: 'unordered',
    ...(idWindow !== undefined && { idWindow: checkedIdWindow(idWindow) }),
    ...(orderWithin !== undefined && { orderWithin: checkedOrderWithin(orderWithin) }),
  }
}

function checkedIdWindow({ ids = 100_000, ms = 600_000 }: Partial<IdWindow>): IdWindow {
  checkCounts('idWindow', { ids, ms })
  return { ids, ms }
}

function checkedOrderWithin(
  given: Duration | { readonly ms: number; readonly events?: number },
): OrderWithin {
  const { ms: within, events = 10_000 } = typeof given === 'object' ? given : { ms: given }
  const ms = durationMs(within, 'unordered: orderWithin')
  checkCounts('orderWithin', { ms, events })
  return { ms, events }
}

function checkCounts(option: string, counts: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(counts)) {
    if (Number.isSafeInteger(value) && value >= 1) continue
    throw new InturnError(
      'config-invalid',
      `unordered: ${option}.${name} takes a whole number from 1, not ${value}`,
    )
  }
}
