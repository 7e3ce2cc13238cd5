// Handed-over events: kept in the order in which they arrived until the holder of the claim decides them.
import { sortableText } from '../../core/sequence.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import { handedOverText, readHandedOver as readKept } from '../../ports/record-text.ts'
import type { HandedOver, StoredHandedOver } from '../../ports/records.ts'
import { DomainCounts } from './consumers.ts'
import type { Database } from './database.ts'
import type { Row } from './row.ts'
import { numberAt, textAt } from './row.ts'
import { sqlFile } from './sql-file.ts'

const numberArrivalsSql = sqlFile(new URL('./handed-over/number-arrivals.sql', import.meta.url))
const insertSql = sqlFile(new URL('./handed-over/insert-handed-over.sql', import.meta.url))
const readSql = sqlFile(new URL('./handed-over/read-handed-over.sql', import.meta.url))
const deleteSql = sqlFile(new URL('./handed-over/delete-handed-over.sql', import.meta.url))
const findWaitingSql = sqlFile(new URL('./handed-over/find-waiting-paths.sql', import.meta.url))

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
  return database.all(readSql, consumer, path, limit, after).map(handedOverIn)
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
