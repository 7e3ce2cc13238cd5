// A producer's counter that wraps: the numbers it can show, and which unbounded number each of them stands
// for. Source: RFC 1982, serial number arithmetic.
import type { Numbering } from './numbering.ts'
import type { Sequence } from './sequence.ts'

/** A counter that shows `modulus` numbers from `wrapsTo` on, and begins there again. */
export interface Counter {
  readonly modulus: number
  readonly wrapsTo: number
}

/** The counter of a domain's producers; `undefined` where it does not wrap. */
export function counterOf(numbering: Numbering): Counter | undefined {
  if (numbering.kind !== 'contiguous' || numbering.modulus === undefined) return undefined
  return { modulus: numbering.modulus, wrapsTo: numbering.wrapsTo ?? 0 }
}

/** Whether numbers lie below zero, so that digits may have a minus. */
export function isSigned(numbering: Numbering): boolean {
  if (numbering.kind !== 'contiguous') return false
  const { start, wrapsTo = 0 } = numbering
  return wrapsTo < 0 || (start !== 'first-seen' && start < 0)
}

/** A number as the producer writes it. */
export function onWire(counter: Counter | undefined, sequence: Sequence): Sequence {
  if (counter === undefined) return sequence
  const { modulus, wrapsTo } = counter
  return wrapsTo + aheadOf({ modulus, from: wrapsTo, to: Number(sequence) })
}

/** A number for people: as the producer writes it, and unwrapped beside it where that is another one. */
export function sequenceText(numbering: Numbering, sequence: Sequence): string {
  const wire = onWire(counterOf(numbering), sequence)
  return wire === sequence ? String(sequence) : `${wire} (unwrapped ${sequence})`
}

/** A range for people; an unknown beginning is `?`. */
export function numbersText(
  { from, to }: { readonly from: Sequence | null; readonly to: Sequence },
  text: (sequence: Sequence) => string = String,
): string {
  if (from === to) return `number ${text(to)}`
  return `numbers ${from === null ? '?' : text(from)} to ${text(to)}`
}

/** Whether the counter can show the number. */
export function isShown({ modulus, wrapsTo }: Counter, wire: Sequence): boolean {
  return wire >= wrapsTo && wire < wrapsTo + modulus
}

/** The number nearest to a reference that a shown one stands for; exactly half a turn away, the one ahead. */
export function nearestTo({ modulus }: Counter, wire: number, reference: number): number {
  const ahead = aheadOf({ modulus, from: reference, to: wire })
  return ahead * 2 <= modulus ? reference + ahead : reference - (modulus - ahead)
}

/** The first number at or above `from` that a shown one stands for. */
export function firstFrom({ modulus }: Counter, from: number, wire: number): number {
  return from + aheadOf({ modulus, from, to: wire })
}

/** How far ahead of the position a number may lie: less than half a turn. */
export function windowOf({ modulus }: Counter): number {
  return Math.ceil(modulus / 2) - 1
}

/** How many steps of a counter lead from one number to another: 0 to below the modulus. */
export function aheadOf(of: {
  readonly modulus: number
  readonly from: number
  readonly to: number
}): number {
  const { modulus, from, to } = of
  // Each is brought below the modulus first: their difference may not be a safe integer.
  const ahead = (to % modulus) - (from % modulus)
  return ((ahead % modulus) + modulus) % modulus
}
