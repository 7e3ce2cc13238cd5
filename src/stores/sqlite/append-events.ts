// Appends events in the transaction that is open, whoever began it. Everything is checked before anything is
// written, so a refusal leaves the transaction as it was. Upholds I3.
import type { LogStream } from '../../core/append-errors.ts'
import type { Appended } from '../../core/logged-event.ts'
import { planAppend } from '../../core/plan-append.ts'
import type { KeptEvent, PlacedEvent, PreparedAppend, StreamKnown } from '../../core/plan-append.ts'
import { appendedEvent } from '../../storage/logged-text.ts'
import type { Row } from './row.ts'
import { numberAt, textAt } from './row.ts'

export const findStreamSql = 'SELECT id, head FROM inturn_log_stream WHERE domain = ?1 AND stream = ?2'
export const insertStreamSql =
  'INSERT INTO inturn_log_stream (domain, stream, head) VALUES (?1, ?2, 0) RETURNING id'
export const moveStreamSql = 'UPDATE inturn_log_stream SET head = ?2 WHERE id = ?1'
// The events of a stream that bear one of some ids.
const findIdsSql = /* sql */ `
  SELECT e.place, e.sequence, e.id, e.type, e.time, e.appended_at, e.attributes, e.data
  FROM json_each(?2) AS asked CROSS JOIN inturn_log_event AS e
  ON e.stream = ?1 AND e.id = asked.value
`
// Takes the next places of the log; says the last one.
const takePlacesSql = /* sql */ `
  INSERT INTO inturn_meta (key, value) VALUES ('log-place', ?1)
  ON CONFLICT (key) DO UPDATE SET value = value + excluded.value
  RETURNING value
`
export const insertEventSql = /* sql */ `
  INSERT INTO inturn_log_event (place, stream, sequence, id, type, time, appended_at, attributes, data)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
`

/** A connection, or the part of a transaction that handlers see. */
export interface Statements {
  get(sql: string, ...values: (string | number | null)[]): Row | undefined
  all(sql: string, ...values: (string | number | null)[]): Row[]
  run(sql: string, ...values: (string | number | null)[]): unknown
}

interface FoundStream extends StreamKnown {
  /** Absent: the stream has no row yet. */
  readonly row: number | undefined
}

/** Appends a batch: all of it, or nothing and an error. */
export function appendEvents(
  statements: Statements,
  appends: readonly PreparedAppend[],
  now: number,
): readonly Appended[] {
  const found = appends.map((append) => findStream(statements, append))
  const plan = planAppend(appends, found)
  if (plan.kind === 'duplicate') {
    return appends.map((append, index) => {
      const position = found[index]?.head ?? 0
      return appended(append, { duplicate: true, kept: plan.events[index] ?? [], position })
    })
  }
  const writer = new EventWriter(statements, now, countOf(appends))
  return appends.map((append, index) => {
    const first = plan.firsts[index] ?? 1
    const kept = writer.keep(append, { first, row: found[index]?.row })
    return appended(append, { duplicate: false, kept, position: first + kept.length - 1 })
  })
}

/** An event as a row of the log has it. */
export function keptEvent(row: Row): PlacedEvent {
  return {
    place: numberAt(row, 'place'),
    sequence: numberAt(row, 'sequence'),
    id: textAt(row, 'id'),
    type: textAt(row, 'type'),
    time: textAt(row, 'time'),
    appendedAt: numberAt(row, 'appended_at'),
    attributes: row['attributes'] === null ? undefined : textAt(row, 'attributes'),
    data: textAt(row, 'data'),
  }
}

/** Writes the events of one batch: their places follow each other, and so do the numbers of each stream. */
class EventWriter {
  readonly #statements: Statements
  readonly #now: number
  /** The time of events that name none. */
  readonly #time: string
  /** Rows of streams that this batch has made. */
  readonly #made = new Map<string, number>()
  #place: number

  constructor(statements: Statements, now: number, count: number) {
    this.#statements = statements
    this.#now = now
    this.#time = new Date(now).toISOString()
    this.#place = count === 0 ? 0 : takePlaces(statements, count)
  }

  keep(
    append: PreparedAppend,
    { first, row }: { readonly first: number; readonly row: number | undefined },
  ): readonly PlacedEvent[] {
    if (append.events.length === 0) return []
    const stream = row ?? this.#makeStream(append)
    const kept = append.events.map((event, index): PlacedEvent => {
      const time = event.time ?? this.#time
      return { ...event, time, sequence: first + index, place: ++this.#place, appendedAt: this.#now }
    })
    for (const event of kept) this.#insert(stream, event)
    this.#statements.run(moveStreamSql, stream, first + kept.length - 1)
    return kept
  }

  #insert(stream: number, event: PlacedEvent): void {
    const { place, sequence, id, type, time, appendedAt, attributes = null, data } = event
    this.#statements.run(
      insertEventSql,
      place,
      stream,
      sequence,
      id,
      type,
      time,
      appendedAt,
      attributes,
      data,
    )
  }

  #makeStream({ domain, stream }: LogStream): number {
    const key = JSON.stringify([domain, stream])
    const made = this.#made.get(key)
    if (made !== undefined) return made
    const row = numberAt(this.#statements.get(insertStreamSql, domain, stream) ?? {}, 'id')
    this.#made.set(key, row)
    return row
  }
}

function findStream(statements: Statements, { domain, stream, events }: PreparedAppend): FoundStream {
  const found = statements.get(findStreamSql, domain, stream)
  if (found === undefined) return { row: undefined, head: 0, byId: new Map() }
  const row = numberAt(found, 'id')
  const ids = JSON.stringify(events.map(({ id }) => id))
  const kept = statements.all(findIdsSql, row, ids).map(keptEvent)
  return { row, head: numberAt(found, 'head'), byId: new Map(kept.map((event) => [event.id, event])) }
}

/** Takes places for so many events; the place before the first of them. */
function takePlaces(statements: Statements, count: number): number {
  return numberAt(statements.get(takePlacesSql, count) ?? {}, 'value') - count
}

function countOf(appends: readonly PreparedAppend[]): number {
  return appends.reduce((sum, { events }) => sum + events.length, 0)
}

function appended(
  { domain, stream }: LogStream,
  {
    duplicate,
    kept,
    position,
  }: {
    readonly duplicate: boolean
    readonly kept: readonly KeptEvent[]
    readonly position: number
  },
): Appended {
  const events = kept.map((event) => appendedEvent({ domain, stream }, event))
  return { domain, stream, duplicate, events, position }
}
