// The four ways in which a domain numbers its events. What each means is decided in decide.ts; here they are
// named, made and checked.
import { checkNames, givenText } from './check-names.ts'
import type { Duration } from './duration.ts'
import { durationMs } from './duration.ts'
import { InturnError } from './errors.ts'
import type { Sequence } from './sequence.ts'
import { wholeNumber } from './whole-number.ts'

/** Next is last + 1. Gaps are seen at once. */
export interface Contiguous {
  readonly kind: 'contiguous'
  /** The first number of a stream, or `first-seen`: whatever comes first is the baseline. */
  readonly start: number | 'first-seen'
  /** So many numbers the producer's counter has before it wraps (2^16, 2^32). Absent: it does not wrap. */
  readonly modulus?: number
  /** The number to which it wraps, its least one. Absent: 0. */
  readonly wrapsTo?: number
}

/** An event names its predecessor; numbers rise along the chain, not densely. */
export interface Linked {
  readonly kind: 'linked'
  /** How far above the position a number is believed. Absent: 2^62, from a position below 2^63. */
  readonly spanMax?: Sequence
}

/** Any greater number is in turn. Gaps cannot be seen. */
export interface Increasing {
  readonly kind: 'increasing'
  /** How far above the position a number is believed. Absent: 2^62, from a position below 2^63. */
  readonly spanMax?: Sequence
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
 * @param options - `start`: 1 (default), 0, any whole number, or `'first-seen'`. `modulus`: how many numbers
 * a device's counter has before it wraps, for example 65536; each number is taken for the one nearest to the
 * greatest seen in its stream (RFC 1982). `wrapsTo`: the number to which it wraps, its least one; default 0
 * @throws InturnError `config-invalid` when one of them is not such a number, or is no option
 * @example
 * const uint16 = contiguous({ start: 0, modulus: 65_536 })
 * const opcUa = contiguous({ start: 1, modulus: 65_535, wrapsTo: 1 })
 * const int16 = contiguous({ start: 0, modulus: 65_536, wrapsTo: -32_768 })
 */
export function contiguous(
  options: {
    readonly start?: number | 'first-seen'
    readonly modulus?: number
    readonly wrapsTo?: number
  } = {},
): Contiguous {
  checkNames(options, 'contiguous', ['start', 'modulus', 'wrapsTo'])
  const { start = 1, modulus, wrapsTo } = options
  if (start !== 'first-seen' && !Number.isSafeInteger(start)) {
    throw new InturnError(
      'config-invalid',
      `contiguous: start takes a whole number or 'first-seen', not ${givenText(start)}`,
    )
  }
  if (modulus === undefined) {
    if (wrapsTo === undefined) return { kind: 'contiguous', start }
    throw new InturnError('config-invalid', 'contiguous: wrapsTo goes with a modulus only')
  }
  if (!Number.isSafeInteger(modulus) || modulus < 4 || modulus > 2 ** 52) {
    throw new InturnError(
      'config-invalid',
      `contiguous: modulus takes a whole number from 4 to 2^52, not ${givenText(modulus)}`,
    )
  }
  const least = wrapsTo ?? 0
  if (!Number.isSafeInteger(least) || Math.abs(least) > 2 ** 52) {
    throw new InturnError(
      'config-invalid',
      `contiguous: wrapsTo takes a whole number from -2^52 to 2^52, not ${givenText(least)}`,
    )
  }
  if (start !== 'first-seen' && (start < least || start >= least + modulus)) {
    const range =
      least === 0 ? `from 0 to below modulus ${modulus}` : `from ${least} to ${least + modulus - 1}`
    throw new InturnError('config-invalid', `contiguous: start ${start} must lie ${range}`)
  }
  return { kind: 'contiguous', start, modulus, ...(wrapsTo !== undefined && { wrapsTo }) }
}

/**
 * Numbers that name their predecessor in the event's `previous`; `previous: null` starts a stream.
 *
 * @param options - `spanMax`: how far above the position a number is believed; what lies further is
 * `implausible`. By default 2^62, and without a bound from a position of 2^63 on
 * @throws InturnError `config-invalid` when `spanMax` is no whole number from 1, or for another option
 * @example
 * const versions = linked({ spanMax: 1_000_000 })
 */
export function linked(options: { readonly spanMax?: Sequence } = {}): Linked {
  return { kind: 'linked', ...checkedSpan(options, 'linked') }
}

/**
 * Numbers that only rise: Kafka offsets, Snowflake ids, log sequence numbers; 64 bits and more as `bigint`.
 *
 * @param options - `spanMax`: how far above the position a number is believed; what lies further is
 * `implausible`. By default 2^62, and without a bound from a position of 2^63 on
 * @throws InturnError `config-invalid` when `spanMax` is no whole number from 1, or for another option
 * @example
 * const offsets = increasing({ spanMax: 1_000_000_000 })
 */
export function increasing(options: { readonly spanMax?: Sequence } = {}): Increasing {
  return { kind: 'increasing', ...checkedSpan(options, 'increasing') }
}

function checkedSpan(
  options: { readonly spanMax?: Sequence },
  name: 'linked' | 'increasing',
): { readonly spanMax?: Sequence } {
  checkNames(options, name, ['spanMax'])
  const { spanMax } = options
  if (spanMax === undefined) return {}
  if ((Number.isSafeInteger(spanMax) || typeof spanMax === 'bigint') && spanMax >= 1) return { spanMax }
  throw new InturnError(
    'config-invalid',
    `${name}: spanMax takes a whole number from 1, not ${givenText(spanMax)}`,
  )
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
  checkNames(options, 'unordered', ['idWindow', 'orderWithin'])
  const { idWindow, orderWithin } = options
  return {
    kind: 'unordered',
    ...(idWindow !== undefined && { idWindow: checkedIdWindow(idWindow) }),
    ...(orderWithin !== undefined && { orderWithin: checkedOrderWithin(orderWithin) }),
  }
}

function checkedIdWindow(given: Partial<IdWindow>): IdWindow {
  checkNames(given, 'unordered.idWindow', ['ids', 'ms'])
  const { ids = 100_000, ms = 600_000 } = given
  checkCounts('idWindow', { ids, ms })
  return { ids, ms }
}

function checkedOrderWithin(
  given: Duration | { readonly ms: number; readonly events?: number },
): OrderWithin {
  if (typeof given === 'object') checkNames(given, 'unordered.orderWithin', ['ms', 'events'])
  const { ms: within, events = 10_000 } = typeof given === 'object' ? given : { ms: given }
  const ms = durationMs(within, 'unordered: orderWithin')
  checkCounts('orderWithin', { ms, events })
  return { ms, events }
}

function checkCounts(option: string, counts: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(counts)) {
    wholeNumber(value, { name: `unordered: ${option}.${name}`, least: 1 })
  }
}
