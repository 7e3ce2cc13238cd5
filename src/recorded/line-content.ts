// The one place that says what a line's field values mean, whatever the format and however they were found.
// Nothing is defaulted except the epoch that is not there. Upholds I3.
import { aheadOf, isShown } from '../core/counter.ts'
import { ExactNumber, parseExactly } from '../core/exact-number.ts'
import { readEpoch, readSequence } from '../core/read-sequence.ts'
import type { EpochProblem, NumberProblem } from '../core/read-sequence.ts'
import type { Sequence } from '../core/sequence.ts'
import { outsideReason } from '../core/unwrap.ts'
import { exactInteger, NumberText } from './exact-integer.ts'
import { fillWidthMax, hasBigNumbers } from './recorded-fields.ts'
import type { RecordedFields } from './recorded-fields.ts'
import type { InvalidReason, LineContent } from './recorded-line.ts'

/** The values of the wanted fields, as they stand in the line; `undefined` where there is none. */
export interface FieldValues {
  readonly stream: readonly unknown[]
  readonly sequence: unknown
  readonly epoch: unknown
  readonly id: unknown
  readonly previous: unknown
  readonly arrival: unknown
  readonly fill: unknown
}

type Bounds = { readonly from: number; readonly to: number }

/** What these values say under the numbering of `fields`. */
export function lineContent(values: FieldValues, fields: RecordedFields): LineContent {
  const arrival = arrivalOf(values.arrival)
  const stream = streamKey(values.stream)
  if (typeof stream !== 'string') return { kind: 'invalid', reason: `stream-${stream.problem}`, ...arrival }
  const epoch = epochOf(values.epoch)
  if (isRecord(values.fill)) {
    const bounds = fillBounds(values.fill, fields)
    if (typeof bounds === 'string') return { kind: 'invalid', reason: bounds, ...arrival }
    if (typeof epoch === 'string') return { kind: 'invalid', reason: `epoch-${epoch}`, ...arrival }
    const { reason } = values.fill
    return {
      kind: 'fill',
      stream,
      epoch,
      ...bounds,
      ...(typeof reason === 'string' && { reason }),
      ...arrival,
    }
  }
  const sequence = sequenceOf(values.sequence, fields)
  if (typeof sequence === 'string') return { kind: 'invalid', reason: sequence, ...arrival }
  if (typeof epoch === 'string') return { kind: 'invalid', reason: `epoch-${epoch}`, ...arrival }
  const id = idText(values.id)
  const event = {
    kind: 'event',
    stream,
    epoch,
    sequence,
    ...(id !== undefined && { id }),
    ...arrival,
  } as const
  if (fields.previous === undefined) return event
  if (values.previous === null) return { ...event, previous: null }
  const previous = numberOf(values.previous, fields, true)
  if (typeof previous === 'string') return { kind: 'invalid', reason: `previous-${previous}`, ...arrival }
  if (previous >= sequence) return { kind: 'invalid', reason: 'previous-not-below-sequence', ...arrival }
  return { ...event, previous }
}

/**
 * The text of an id: a string as it is, a number as it is written, anything else as JSON writes it.
 * `undefined` and `null` are no id.
 */
function idText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (value instanceof NumberText) return value.text
  if (value === undefined || value === null) return undefined
  return JSON.stringify(value, (_key, part: unknown) => {
    const { value: number } = part instanceof NumberText ? parseExactly(part.text) : { value: part }
    return number instanceof ExactNumber ? number.toJSON() : number
  })
}

/** The stream key of one part as it is, or of several joined by `/`, each percent-encoded. */
function streamKey(parts: readonly unknown[]): string | { readonly problem: 'missing' | 'not-a-text' } {
  const texts: string[] = []
  for (const part of parts) {
    if (part === undefined || part === null) return { problem: 'missing' }
    const text = part instanceof NumberText ? part.text : part
    if (typeof text !== 'number' && (typeof text !== 'string' || text === '' || !text.isWellFormed())) {
      return { problem: 'not-a-text' }
    }
    texts.push(String(text))
  }
  if (texts.length === 0) return { problem: 'missing' }
  return texts.length === 1 ? String(texts[0]) : texts.map(encodeURIComponent).join('/')
}

function sequenceOf(value: unknown, fields: RecordedFields): Sequence | InvalidReason {
  const sequence = numberOf(value, fields, hasBigNumbers(fields))
  return typeof sequence === 'string' ? `sequence-${sequence}` : onCounter(sequence, fields)
}

function onCounter(sequence: Sequence, { modulus, wrapsTo = 0 }: RecordedFields): Sequence | InvalidReason {
  if (modulus === undefined) return sequence
  const counter = { modulus, wrapsTo }
  return isShown(counter, sequence) ? sequence : outsideReason(counter, sequence)
}

/** A number; of a counter that goes below zero also as digits with a minus. */
function numberOf(value: unknown, fields: RecordedFields, big: boolean): Sequence | NumberProblem {
  return readSequence(exactValue(value), { big, signed: (fields.wrapsTo ?? 0) < 0 })
}

function epochOf(value: unknown): number | EpochProblem {
  return readEpoch(exactValue(value))
}

/** A number's text as the exact integer; what is no integer as a value that no reader takes for one. */
function exactValue(value: unknown): unknown {
  return value instanceof NumberText ? (exactInteger(value.text) ?? 0.5) : value
}

function fillBounds(fill: Readonly<Record<string, unknown>>, fields: RecordedFields): Bounds | InvalidReason {
  if (fields.numbering !== 'contiguous') return 'fill-needs-contiguous'
  const from = fillBound(fill['from'], fields)
  const to = fillBound(fill['to'], fields)
  if (typeof from === 'string') return from
  if (typeof to === 'string') return to
  const width = fillWidth({ from, to }, fields.modulus)
  if (width < 1) return 'fill-not-a-range'
  return width > fillWidthMax ? 'fill-too-wide' : { from, to }
}

/** How many numbers a fill covers; across the counter's end where the numbers wrap. */
export function fillWidth({ from, to }: { from: number; to: number }, modulus: number | undefined): number {
  return modulus === undefined ? to - from + 1 : aheadOf({ modulus, from, to }) + 1
}

function fillBound(value: unknown, fields: RecordedFields): number | InvalidReason {
  const bound = numberOf(value, fields, false)
  if (typeof bound === 'string') return `fill-${bound}`
  const within = onCounter(bound, fields)
  return typeof within === 'bigint' ? 'fill-beyond-safe-integer' : within
}

function arrivalOf(value: unknown): { arrival?: number | string } {
  if (value instanceof NumberText) return { arrival: Number(value.text) }
  return typeof value === 'number' || typeof value === 'string' ? { arrival: value } : {}
}

/** The value at the path; `undefined` if there is none. */
export function valueAt(line: unknown, path: readonly string[]): unknown {
  let value = line
  for (const part of path) {
    if (!isRecord(value) || !Object.hasOwn(value, part)) return undefined
    value = value[part]
  }
  return value
}

/** Whether the value is a JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof NumberText)
  )
}
