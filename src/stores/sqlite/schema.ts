// The store's own tables in the user's file: their version, and the way from each version to the next. A
// file of a newer version is left alone.
import { InturnError } from '../../core/errors.ts'
import type { Database } from './database.ts'
import { numberAt } from './row.ts'
import { sqlFile } from './sql-file.ts'

const findMetaSql = sqlFile(new URL('./schema/find-meta.sql', import.meta.url))
const readMetaSql = sqlFile(new URL('./schema/read-meta.sql', import.meta.url))
const writeMetaSql = sqlFile(new URL('./schema/write-meta.sql', import.meta.url))

/** The first item leads from an empty file to version 1, the next one to version 2. */
const steps: readonly (readonly string[])[] = [
  [
    'create-meta',
    'create-consumer',
    'create-domain',
    'create-checkpoint',
    'create-stream',
    'create-stream-path',
    'create-stream-standing',
    'create-stream-due-at',
    'create-stream-due-reading',
    'create-journal',
    'create-claim',
    'create-held',
    'create-handed-over',
    'create-handed-over-order',
    'create-dead-letter',
    'create-dead-letter-key',
    'create-dead-letter-path',
    'create-dead-letter-overflow',
    'create-ledger',
    'create-ledger-path',
    'create-processed-id',
    'create-processed-id-place',
    'create-lease',
  ],
  ['add-lease-lasting'],
  ['create-worker'],
  [
    'create-log-stream',
    'create-log-event',
    'create-log-event-sequence',
    'create-log-event-id',
    'create-sequence',
    'create-reservation',
    'create-reservation-state',
    'create-reservation-ended',
    'create-assigned',
    'create-assigned-id',
  ],
  ['add-claim-since'],
]

/** The first version whose files can have an event log. */
const logVersion = steps.findIndex((names) => names.includes('create-log-stream')) + 1

/** Brings the schema up to date, in the transaction that is open. */
export function migrate(database: Database): void {
  const version = versionOf(database)
  if (version === steps.length) return
  for (const names of steps.slice(version)) {
    for (const name of names) database.run(sqlFile(new URL(`./schema/${name}.sql`, import.meta.url)))
  }
  writeMeta(database, 'schema', steps.length)
}

/**
 * Checks that the file is a store of a version that can be read.
 *
 * @throws InturnError `store-unavailable` when it is none yet, `store-schema-newer`
 */
export function checkSchema(database: Database): void {
  if (versionOf(database) > 0) return
  const message = `${database.file} is no inturn store yet: no worker has opened it`
  throw new InturnError('store-unavailable', message, { retryable: true })
}

/**
 * Checks that the file can have an event log.
 *
 * @throws InturnError `store-unavailable` when it cannot yet, `store-schema-newer`
 */
export function checkLogSchema(database: Database): void {
  if (versionOf(database) >= logVersion) return
  const message = `${database.file} has no event log yet: nobody has opened one in it`
  throw new InturnError('store-unavailable', message, { retryable: true })
}

/** One of the numbers that the store knows of itself. */
export function readMeta(database: Database, key: string): number {
  const row = database.get(readMetaSql, key)
  return row === undefined ? 0 : numberAt(row, 'value')
}

/** Sets one of the numbers that the store knows of itself. */
export function writeMeta(database: Database, key: string, value: number): void {
  database.run(writeMetaSql, key, value)
}

function versionOf(database: Database): number {
  if (database.get(findMetaSql) === undefined) return 0
  const version = readMeta(database, 'schema')
  if (version > steps.length) {
    const versions = `its schema is ${version}, known is ${steps.length}`
    const message = `${database.file} was written by a newer inturn: ${versions}`
    throw new InturnError('store-schema-newer', message)
  }
  return version
}
