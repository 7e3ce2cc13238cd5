// An event on its way into an event log, and as it stands there.
import type { Expected, LogStream } from './append-errors.ts'
import type { TrackedEvent } from './event.ts'

/** What CloudEvents has beside the fields that inturn knows: `dataschema`, `traceparent`, ... */
export type Attributes = Readonly<Record<string, string | number | boolean>>

/** What an event, made a CloudEvent, has as fields of its own. */
const fieldNames: ReadonlySet<string> = new Set([
  'specversion',
  'id',
  'type',
  'time',
  'data',
  'domain',
  'partitionkey',
  'sequence',
  'epoch',
])

/** Whether an event has such a field of its own, so that no attribute may have its name. */
export function isFieldName(name: string): boolean {
  return fieldNames.has(name)
}

/** Why this is no attribute of a CloudEvent; `undefined` where it is one. */
export function attributeProblem(name: string, value: unknown): string | undefined {
  if (!/^[a-z0-9]+$/.test(name)) return `attribute ${name}: a name takes lower-case letters and digits`
  if (isFieldName(name)) return `attribute ${name}: the event has a field of this name`
  if (typeof value === 'string' || typeof value === 'boolean') return undefined
  // CloudEvents 1.0, type system: an Integer has 32 bits, and there is no other number.
  if (typeof value === 'number' && (value | 0) === value) return undefined
  const what = 'takes a text, a boolean, or a whole number from -2^31 to 2^31 - 1'
  return `attribute ${name} ${what}; any other number goes as a text`
}

/** An event before it has a number. */
export interface NewEvent<Data = unknown> {
  /** The producer's own, unique in its stream. Appending it again finds the event that bears it. */
  readonly id: string
  readonly type: string
  /** When it happened, as text that `Date.parse` reads. Default: when it is appended. */
  readonly time?: string
  readonly attributes?: Attributes
  readonly data: Data
}

/** An event that was appended. */
export interface AppendedEvent<Data = unknown> extends TrackedEvent<Data> {
  /** From 1, without holes within the stream. */
  readonly sequence: number
  readonly id: string
  readonly type: string
  readonly time: string
  readonly attributes?: Attributes
  /**
   * Where it stands in the whole log: rises in the order in which appends became visible. Absent where that
   * order is not known yet: on Postgres, inside a transaction, or when a commit was followed by a failure.
   */
  readonly place?: number
  /** Milliseconds since 1970, by the log's clock. */
  readonly appendedAt: number
}

/** An event in a log, as it is read. */
export interface LoggedEvent<Data = unknown> extends AppendedEvent<Data> {
  readonly place: number
}

/** Events for one stream. */
export interface StreamAppend extends LogStream {
  /** May be empty: then only `expected` is checked. */
  readonly events: readonly NewEvent[]
  /**
   * Where the stream must be: its last number, or `none` (the same as 0). Default `any`: wherever it is.
   */
  readonly expected?: Expected
}

/** What became of one stream's events. */
export interface Appended extends LogStream {
  /** They had all been appended before; these are the numbers they got then. */
  readonly duplicate: boolean
  /** In the order in which they were given. */
  readonly events: readonly AppendedEvent[]
  /** The last number of the stream now. */
  readonly position: number
}
