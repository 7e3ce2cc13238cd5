// Handed-over events: kept in the order in which they arrived until the holder of the claim decides them.
import { sortableText } from '../../core/sequence.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import { handedOverText, readHandedOver as readKept } from '../../ports/record-text.ts'
import type { HandedOver, StoredHandedOver } from '../../ports/records.ts'
import { DomainCounts } from './consumers.ts'
import type { Database } from './database.ts'
import type { Row } from './row.ts'
import { numberAt, textAt } from './row.ts'

const numberArrivalsSql = /* sql */ `
  UPDATE inturn_consumer SET arrivals = arrivals + ?2 WHERE id = ?1 RETURNING arrivals
`
const insertSql = /* sql */ `
  INSERT INTO inturn_handed_over (consumer, path, arrival_id, arrival) VALUES (?1, ?2, ?3, ?4)
`
export const readHandedOverSql = /* sql */ `
  SELECT path, arrival_id, arrival FROM inturn_handed_over
  WHERE consumer = ?1 AND path = ?2 AND arrival_id > ?4
  ORDER BY arrival_id LIMIT ?3
`
const deleteSql = 'DELETE FROM inturn_handed_over WHERE consumer = ?1 AND path = ?2 AND arrival_id = ?3'
const findWaitingSql = /* sql */ `
  SELECT asked.value AS path FROM json_each(?2) AS asked
  WHERE EXISTS (SELECT 1 FROM inturn_handed_over WHERE consumer = ?1 AND path = asked.value)
`

/** Keeps handed-over events. */
export function keepHandedOver(database: Database, consumer: number, events: readonly HandedOver[]): void {
  const last = numberAt(database.one(numberArrivalsSql, consumer, events.length), 'arrivals')
  const counts = new DomainCounts()
  for (const [index, event] of events.entries()) {
    const arrivalId = last - events.length + 1 + index
    database.run(insertSql, consumer, event.stream, arrivalId, handedOverText(event))
    counts.handedOver(event.stream, 1)
  }
  counts.write(database, consumer)
}

/** The handed-over events of some streams, in order of arrival. */
export function readHandedOver(
  database: Database,
  consumer: number,
  { streams, limit }: { readonly streams: readonly StreamPath[]; readonly limit: number },
): StoredHandedOver[] {
  return waitingStreams(database, consumer, streams)
    .flatMap((path) => handedOverOf(database, consumer, { path, limit, after: 0 }))
    .sort((a, b) => (a.arrivalId < b.arrivalId ? -1 : 1))
}

/** The oldest handed-over events of one stream behind an arrival. */
export function handedOverOf(
  database: Database,
  consumer: number,
  { path, limit, after }: { readonly path: StreamPath; readonly limit: number; readonly after: number },
): StoredHandedOver[] {
  return database.all(readHandedOverSql, consumer, path, limit, after).map(handedOverIn)
}

/** Forgets a handed-over event that is decided; says how many there were. */
export function forgetHandedOver(
  database: Database,
  consumer: number,
  { stream, arrivalId }: { readonly stream: StreamPath; readonly arrivalId: string },
): number {
  return database.run(deleteSql, consumer, stream, arrivalNumber(arrivalId))
}

/** Which of some streams have handed-over events. */
export function waitingStreams(
  database: Database,
  consumer: number,
  streams: readonly StreamPath[],
): StreamPath[] {
  return database.all(findWaitingSql, consumer, JSON.stringify(streams)).map((row) => textAt(row, 'path'))
}

/** A handed-over event of a row. */
export function handedOverIn(row: Row): StoredHandedOver {
  return {
    stream: textAt(row, 'path'),
    arrivalId: sortableText(numberAt(row, 'arrival_id')),
    ...readKept(textAt(row, 'arrival')),
  }
}

/** The number of an arrival id, which is that number as sortable text. */
export function arrivalNumber(arrivalId: string): number {
  return Number(arrivalId.slice(2))
}
