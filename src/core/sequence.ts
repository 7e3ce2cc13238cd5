// Sequence numbers and epochs: the one canonical form they have inside inturn, and their order.
// Upholds I1: every comparison of two numbers in the code goes through this order.

/**
 * The number an event bears in its stream.
 *
 * Canonical form: a `number` whenever the value is a safe integer, a `bigint` beyond ±(2^53 - 1). Because of
 * that, `===`, `<` and `>` are right for any two sequences, whichever form they have. Build one from a bigint
 * with {@link toSequence}.
 */
export type Sequence = number | bigint

/** An incarnation of a stream's numbering. A safe integer; an event without one is of epoch 0. */
export type Epoch = number

/** A place in a stream: (epoch, sequence), ordered lexicographically. */
export interface Position {
  readonly epoch: Epoch
  readonly sequence: Sequence
}

/** Brings a bigint into the canonical form of {@link Sequence}. */
export function toSequence(value: bigint): Sequence {
  const narrow = Number(value)
  return Number.isSafeInteger(narrow) ? narrow : value
}

/** The number that follows `sequence`. */
export function after(sequence: Sequence): Sequence {
  return typeof sequence === 'number' && sequence < Number.MAX_SAFE_INTEGER
    ? sequence + 1
    : toSequence(BigInt(sequence) + 1n)
}

/** The number that precedes `sequence`. */
export function before(sequence: Sequence): Sequence {
  return typeof sequence === 'number' && sequence > Number.MIN_SAFE_INTEGER
    ? sequence - 1
    : toSequence(BigInt(sequence) - 1n)
}

/** How many numbers lie in `from..to`, both included; exact below 2^53, else the nearest float. */
export function width(from: Sequence, to: Sequence): number {
  if (typeof from === 'number' && typeof to === 'number') return to - from + 1
  return Number(BigInt(to) - BigInt(from) + 1n)
}

/** Negative when `a` is before `b`, 0 when they are the same place, positive when it is behind. */
export function comparePositions(a: Position, b: Position): number {
  if (a.epoch !== b.epoch) return a.epoch - b.epoch
  return compareSequences(a.sequence, b.sequence)
}

/** A place as the key of a map. */
export function placeText({ epoch, sequence }: Position): string {
  return `${epoch}/${String(sequence)}`
}

/** Negative when `a < b`, 0 when equal, positive when `a > b`. */
export function compareSequences(a: Sequence, b: Sequence): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/**
 * A text that sorts like the number it stands for, for stores that order keys as text: two digits of length,
 * then the digits (`5` is `015`, `1000` is `041000`); a negative number is `-`, then the nines' complements
 * of both. Takes numbers of at most 99 digits.
 */
export function sortableText(sequence: Sequence): string {
  const digits = sequence.toString()
  if (sequence >= 0) return digits.length.toString().padStart(2, '0') + digits
  const complement = digits.slice(1).replace(/[0-9]/g, (digit) => String(9 - Number(digit)))
  return `-${(99 - complement.length).toString().padStart(2, '0')}${complement}`
}

/** The number that such a text stands for, from 0 to 2^53 - 1. */
export function numberOfSortable(text: string): number {
  return Number(text.slice(2))
}

/** Whether the position of a stream is at the place, or beyond it. */
export function hasPassed(
  { epoch, position }: { readonly epoch: Epoch; readonly position?: Sequence | undefined },
  place: Position,
): boolean {
  return position !== undefined && comparePositions({ epoch, sequence: position }, place) >= 0
}
