// What one line of a recorded log says, once read: an event, a fill, or nothing that can be read, with the
// reason. A line is never guessed at and never dropped. Upholds I3.
import type { Epoch, Sequence } from '../core/sequence.ts'

const numberProblems = ['missing', 'not-an-integer', 'beyond-safe-integer', 'beyond-128-bits'] as const
type NumberField = 'sequence' | 'epoch' | 'previous' | 'fill'
type NumberReason = `${NumberField}-${(typeof numberProblems)[number]}`

const otherReasons = [
  'not-utf-8',
  'not-json',
  'not-an-object',
  'csv-quotes',
  'csv-cells',
  'stream-missing',
  'stream-not-a-text',
  'at-or-above-modulus',
  'below-zero-with-modulus',
  'outside-counter',
  'epoch-below-zero',
  'half-the-modulus',
  'previous-not-below-sequence',
  'fill-needs-contiguous',
  'fill-not-a-range',
  'fill-too-wide',
] as const

/** Why a line is `invalid`. */
export type InvalidReason = (typeof otherReasons)[number] | NumberReason

function reasonsOf(field: NumberField): NumberReason[] {
  return numberProblems.map((problem): NumberReason => `${field}-${problem}`)
}

/** Every reason, in a fixed order: a block of lines carries its index. */
export const invalidReasons: readonly InvalidReason[] = [
  ...otherReasons,
  ...reasonsOf('sequence'),
  ...reasonsOf('epoch'),
  ...reasonsOf('previous'),
  ...reasonsOf('fill'),
]

/** What an event's line says. */
export interface EventContent {
  readonly kind: 'event'
  readonly stream: string
  readonly epoch: Epoch
  readonly sequence: Sequence
  /** Absent when no id field is asked for or the line has none. */
  readonly id?: string
  /** Absent when no previous field is asked for; `null` starts a stream. */
  readonly previous?: Sequence | null
  /** The arrival field as it stands in the line. */
  readonly arrival?: number | string
}

/** What a fill's line says: the numbers `from..to` were burned and will never come. */
export interface FillContent {
  readonly kind: 'fill'
  readonly stream: string
  readonly epoch: Epoch
  readonly from: number
  /** Below `from` where the counter wraps within the fill. */
  readonly to: number
  readonly reason?: string
  readonly arrival?: number | string
}

/** A line that is no event and no fill. */
export interface InvalidContent {
  readonly kind: 'invalid'
  readonly reason: InvalidReason
  /** There if the line could be read that far. */
  readonly arrival?: number | string
}

/** What a line says, without where it stands. */
export type LineContent = EventContent | FillContent | InvalidContent

/** A line that is not UTF-8: decoded with guesses, the names of two streams may become one. */
export const notUtf8: InvalidContent = { kind: 'invalid', reason: 'not-utf-8' }

/** One line of a recorded log that is not blank. `line` counts from 1, blank lines included. */
export type RecordedLine = LineContent & { readonly line: number }
