// Which fields of a recorded log's lines carry the stream, the numbers and the id, and how the numbers run.
import type { Counter } from '../core/counter.ts'
import { counterOf } from '../core/counter.ts'
import { InturnError } from '../core/errors.ts'
import { pathKeys } from '../core/field-path.ts'
import { contiguous } from '../core/numbering.ts'

/** How a recorded log's numbers run; as the numberings of a domain. */
export type RecordedNumbering = 'contiguous' | 'increasing' | 'linked'

/** The format of a recorded log. */
export type RecordedFormat = 'ndjson' | 'csv'

/**
 * Where to find what in a line. Paths are dotted in NDJSON (`data.user.id`; `user\.id` is one key), and
 * column names in CSV.
 */
export interface RecordedFields {
  /** One path or several; several make one key, joined by `/`, each percent-encoded. */
  readonly stream: readonly string[]
  readonly sequence: string
  readonly epoch?: string
  readonly id?: string
  /** The predecessor's number, for linked numbering. */
  readonly previous?: string
  readonly arrival?: string
  readonly numbering: RecordedNumbering
  /** How many numbers the counter has before it wraps; contiguous numbering only. */
  readonly modulus?: number
  /** The number to which it wraps. Default 0. */
  readonly wrapsTo?: number
  /** What stands between the cells of CSV: one character. Default a comma, and a tab in a file `.tsv`. */
  readonly delimiter?: string
}

/** Where to find what, short of what is as usual. */
export interface FieldOptions extends Omit<Partial<RecordedFields>, 'stream'> {
  /** The path of the stream, or several that make one key; default `stream`. */
  readonly stream?: string | readonly string[]
  /** Default `sequence`. */
  readonly sequence?: string
  /** Default `previous` with linked numbering. */
  readonly previous?: string
  /** Default `contiguous`. */
  readonly numbering?: RecordedNumbering
}

/** The fields with their defaults. Other options may stand beside them. */
export function fieldsFrom(options: FieldOptions): RecordedFields {
  const { stream = 'stream', sequence = 'sequence', numbering = 'contiguous' } = options
  const { epoch, id, arrival, modulus, wrapsTo, delimiter } = options
  const previous = options.previous ?? (numbering === 'linked' ? 'previous' : undefined)
  return {
    stream: typeof stream === 'string' ? [stream] : stream,
    sequence,
    numbering,
    ...(epoch !== undefined && { epoch }),
    ...(id !== undefined && { id }),
    ...(previous !== undefined && { previous }),
    ...(arrival !== undefined && { arrival }),
    ...(modulus !== undefined && { modulus }),
    ...(wrapsTo !== undefined && { wrapsTo }),
    ...(delimiter !== undefined && { delimiter }),
  }
}

/** The widest fill that is believed, in numbers. */
export const fillWidthMax = 1_000_000

/** Whether numbers beyond 2^53 - 1 are read, as `bigint`. */
export function hasBigNumbers(fields: Pick<RecordedFields, 'numbering'>): boolean {
  return fields.numbering !== 'contiguous'
}

/**
 * Checks fields that come from a user.
 *
 * @throws InturnError `usage` for an empty path, a previous field missing or out of place, or a bad modulus
 */
export function checkFields(fields: RecordedFields): RecordedFields {
  const paths = [...fields.stream, fields.sequence, fields.epoch, fields.id, fields.previous, fields.arrival]
  if (fields.stream.length === 0 || paths.some((path) => path !== undefined && !isPath(path))) {
    throw new InturnError('usage', 'A path names a field, or fields within fields: seq, data.user.id')
  }
  if (fields.numbering === 'linked' && fields.previous === undefined) {
    throw new InturnError('usage', 'Linked numbering needs the field with the predecessor: --previous <path>')
  }
  if (fields.numbering !== 'linked' && fields.previous !== undefined) {
    throw new InturnError('usage', '--previous goes with --numbering linked only')
  }
  if (fields.modulus !== undefined || fields.wrapsTo !== undefined) recordedCounter(fields)
  return fields
}

function isPath(path: string): boolean {
  return pathKeys(path).every((key) => key !== '')
}

/**
 * The counter of a recorded log; `undefined` where it does not wrap.
 *
 * @throws InturnError `usage` for a modulus or a number to wrap to that makes no sense
 */
export function recordedCounter(fields: Pick<RecordedFields, CounterFields>): Counter | undefined {
  const { modulus, wrapsTo, numbering } = fields
  if (modulus === undefined && wrapsTo === undefined) return undefined
  if (modulus === undefined) throw new InturnError('usage', '--wraps-to goes with --modulus only')
  if (numbering !== 'contiguous') {
    throw new InturnError('usage', '--modulus goes with --numbering contiguous only')
  }
  const counts = { modulus, ...(wrapsTo !== undefined && { wrapsTo }) }
  try {
    return counterOf(contiguous({ start: 'first-seen', ...counts }))
  } catch (cause) {
    if (!(cause instanceof InturnError)) throw cause
    throw new InturnError('usage', cause.message.replace('contiguous: modulus', '--modulus'), { cause })
  }
}

type CounterFields = 'modulus' | 'wrapsTo' | 'numbering'
