// Appends events in the transaction that is open, whoever began it. The streams' rows are locked until it
// ends, in one order for everybody. Everything is checked before anything is written. Upholds I3.
import type { LogStream } from '../../core/append-errors.ts'
import { InturnError } from '../../core/errors.ts'
import type { Appended } from '../../core/logged-event.ts'
import { planAppend } from '../../core/plan-append.ts'
import type { KeptEvent, PreparedAppend } from '../../core/plan-append.ts'
import { appendedEvent } from '../../storage/logged-text.ts'
import type { PostgresRow } from './postgres-client.ts'
import { maybeNumberAt, numberAt, originalText, storedText, textAt } from './row.ts'
import type { Statements } from './schema.ts'

const lockSql = 'SELECT * FROM inturn.log_lock($1, $2, $3, $4)'
// Writes nothing in another transaction than the one that has locked the streams: then none was open.
const insertEventsSql = /* sql */ `
  WITH kept AS (
    INSERT INTO inturn.log_event (stream, sequence, id, type, time, appended_at, attributes, data)
    SELECT e.stream, e.sequence, e.id, e.type, e.time, $2::bigint, e.attributes, e.data
    FROM unnest($3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
      WITH ORDINALITY AS e (stream, sequence, id, type, time, attributes, data, nth)
    WHERE pg_current_xact_id()::text = $1
    ORDER BY e.nth
    RETURNING row_id, stream, sequence
  ), fresh AS (
    INSERT INTO inturn.log_new (row_id) SELECT row_id FROM kept
  ), moved AS (
    UPDATE inturn.log_stream AS s SET head = m.head
    FROM (SELECT stream, max(sequence) AS head FROM kept GROUP BY stream) AS m WHERE s.id = m.stream
  )
  SELECT row_id FROM kept ORDER BY row_id
`

/** An event with its row in the log. */
export interface RowEvent extends KeptEvent {
  readonly rowId: number
}

/** What became of one append; the places of its events may be given later. */
export interface AppendEnd extends LogStream {
  readonly duplicate: boolean
  readonly events: readonly RowEvent[]
  readonly position: number
}

interface FoundStream {
  readonly row: number
  readonly head: number
  readonly byId: Map<string, RowEvent>
}

interface Locked {
  readonly streams: readonly FoundStream[]
  readonly now: number
  readonly xact: string
}

/** Appends a batch: all of it, or nothing and an error. */
export async function appendEvents(
  statements: Statements,
  appends: readonly PreparedAppend[],
  shiftMs: number,
): Promise<readonly AppendEnd[]> {
  if (appends.length === 0) return []
  const { streams, now, xact } = await lockStreams(statements, appends, shiftMs)
  const plan = planAppend(appends, streams)
  if (plan.kind === 'duplicate') {
    return appends.map(({ domain, stream, events }, index) => {
      const { byId, head } = streams[index] ?? nowhere()
      const kept = events.map(({ id }) => byId.get(id)).filter((event) => event !== undefined)
      return { domain, stream, duplicate: true, events: kept, position: head }
    })
  }
  const time = new Date(now).toISOString()
  const kept = appends.map(({ events }, index) =>
    events.map((event, nth): KeptEvent => {
      const sequence = (plan.firsts[index] ?? 1) + nth
      return { ...event, time: event.time ?? time, sequence, appendedAt: now }
    }),
  )
  const rows = kept.flatMap((events, index) =>
    events.map((event) => ({ event, row: (streams[index] ?? nowhere()).row })),
  )
  const rowIds = rows.length === 0 ? [] : await insertEvents(statements, { rows, now, xact })
  let written = 0
  return appends.map(({ domain, stream }, index) => {
    const events = (kept[index] ?? []).map((event) => ({ ...event, rowId: rowIds[written++] ?? 0 }))
    const position = (plan.firsts[index] ?? 1) + events.length - 1
    return { domain, stream, duplicate: false, events, position }
  })
}

/** What appends came to, with the places that were given since. */
export function appendedOf(
  ends: readonly AppendEnd[],
  places: ReadonlyMap<number, number> = new Map(),
): readonly Appended[] {
  return ends.map(({ domain, stream, duplicate, events, position }) => ({
    domain,
    stream,
    duplicate,
    position,
    events: events.map(({ rowId, ...event }) => {
      const place = event.place ?? places.get(rowId)
      return appendedEvent({ domain, stream }, place === undefined ? event : { ...event, place })
    }),
  }))
}

/** An event as a row of the log has it. */
export function keptEvent(row: PostgresRow): RowEvent {
  const place = maybeNumberAt(row, 'place')
  return {
    rowId: numberAt(row, 'row_id'),
    ...(place !== undefined && { place }),
    sequence: numberAt(row, 'sequence'),
    id: originalText(textAt(row, 'id')),
    type: originalText(textAt(row, 'type')),
    time: textAt(row, 'time'),
    appendedAt: numberAt(row, 'appended_at'),
    attributes: row['attributes'] === null ? undefined : textAt(row, 'attributes'),
    data: textAt(row, 'data'),
  }
}

async function lockStreams(
  statements: Statements,
  appends: readonly PreparedAppend[],
  shiftMs: number,
): Promise<Locked> {
  const streams = new Map(
    appends.map(({ domain, stream }) => [keyOf({ domain, stream }), { domain, stream }]),
  )
  const nths = new Map([...streams.keys()].map((key, index) => [key, index + 1]))
  const ids = appends.flatMap(({ domain, stream, events }) =>
    events.map(({ id }) => ({ of: nths.get(keyOf({ domain, stream })), id: storedText(id) })),
  )
  const rows = await statements.run(
    lockSql,
    [...streams.values()].map(({ domain }) => storedText(domain)),
    [...streams.values()].map(({ stream }) => storedText(stream)),
    ids.map(({ of }) => of),
    ids.map(({ id }) => id),
  )
  const found = new Map<number, FoundStream>()
  for (const row of rows.filter(({ head }) => head !== null)) {
    const [id, head] = [numberAt(row, 'stream_id'), numberAt(row, 'head')]
    found.set(numberAt(row, 'nth'), { row: id, head, byId: new Map() })
  }
  for (const row of rows.filter(({ head }) => head === null)) {
    const event = keptEvent(row)
    found.get(numberAt(row, 'nth'))?.byId.set(event.id, event)
  }
  const [first] = rows
  return {
    streams: appends.map((append) => found.get(nths.get(keyOf(append)) ?? 0) ?? nowhere()),
    now: numberAt(first, 'now_ms') + shiftMs,
    xact: textAt(first ?? {}, 'xact'),
  }
}

async function insertEvents(
  statements: Statements,
  {
    rows,
    now,
    xact,
  }: {
    readonly rows: readonly { readonly event: KeptEvent; readonly row: number }[]
    readonly now: number
    readonly xact: string
  },
): Promise<readonly number[]> {
  const events = rows.map(({ event }) => event)
  const written = await statements.run(
    insertEventsSql,
    xact,
    now,
    rows.map(({ row }) => row),
    events.map(({ sequence }) => sequence),
    events.map(({ id }) => storedText(id)),
    events.map(({ type }) => storedText(type)),
    events.map(({ time }) => time),
    events.map(({ attributes = null }) => attributes),
    events.map(({ data }) => data),
  )
  if (written.length === rows.length) return written.map((row) => numberAt(row, 'row_id'))
  const message = 'no transaction is open on this client: send BEGIN, append, and then COMMIT'
  throw new InturnError('config-invalid', message)
}

function nowhere(): never {
  throw new InturnError('store-corrupt', 'the log has not locked the streams that it was asked for')
}

function keyOf({ domain, stream }: LogStream): string {
  return JSON.stringify([domain, stream])
}
