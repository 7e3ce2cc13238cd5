// The store's own tables in the user's file, and their version. A file of another version is left alone.
import { InturnError } from '../../core/errors.ts'
import type { Database } from './database.ts'
import { numberAt } from './row.ts'

const findMetaSql = "SELECT 1 AS is_there FROM sqlite_schema WHERE type = 'table' AND name = 'inturn_meta'"
const readMetaSql = 'SELECT value FROM inturn_meta WHERE key = ?1'
const writeMetaSql = /* sql */ `
  INSERT INTO inturn_meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value
`

/** The version of the tables. */
const schemaVersion = 6

export const schemaSql: string = /* sql */ `
  -- What the store knows of itself: the version of its schema, and the last fence of a lease.
  CREATE TABLE inturn_meta (
    key TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
  ) WITHOUT ROWID;
  -- Consumers. units rises with every unit of work and every commit: it is the fence, and what tells a
  -- process that states it remembers may have been changed by another one. reading_ms is the reading clock,
  -- journal the number of the journal's last row, journal_entries how many entries are not folded yet.
  CREATE TABLE inturn_consumer (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    units INTEGER NOT NULL DEFAULT 0,
    arrivals INTEGER NOT NULL DEFAULT 0,
    journal INTEGER NOT NULL DEFAULT 0,
    journal_entries INTEGER NOT NULL DEFAULT 0,
    reading_ms INTEGER NOT NULL DEFAULT 0,
    beat_at INTEGER
  );
  -- What is counted of a domain, kept by differences in each commit.
  CREATE TABLE inturn_domain (
    consumer INTEGER NOT NULL,
    name TEXT NOT NULL,
    held INTEGER NOT NULL DEFAULT 0,
    handed_over INTEGER NOT NULL DEFAULT 0,
    processed INTEGER NOT NULL DEFAULT 0,
    paused INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (consumer, name)
  ) WITHOUT ROWID;
  -- Each source's own note of how far it was settled.
  CREATE TABLE inturn_checkpoint (
    consumer INTEGER NOT NULL,
    source TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (consumer, source)
  ) WITHOUT ROWID;
  -- One row a stream and consumer. standing: 0 nothing, 1 waits, 2 its head failed, 3 halted.
  -- journal_seen: later rows of the journal know a newer state.
  CREATE TABLE inturn_stream (
    id INTEGER PRIMARY KEY,
    consumer INTEGER NOT NULL,
    path TEXT NOT NULL,
    state BLOB NOT NULL,
    deliveries INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    standing INTEGER NOT NULL,
    journal_seen INTEGER NOT NULL,
    due_at INTEGER,
    due_reading INTEGER
  );
  -- Streams by their path.
  CREATE UNIQUE INDEX inturn_stream_path ON inturn_stream (consumer, path);
  -- The streams that wait for something.
  CREATE INDEX inturn_stream_standing ON inturn_stream (consumer, path) WHERE standing > 0;
  -- The streams that are due by the clock, the longest overdue first.
  CREATE INDEX inturn_stream_due_at ON inturn_stream (consumer, due_at) WHERE due_at IS NOT NULL;
  -- The streams that are due by the consumer's reading clock, the longest overdue first.
  CREATE INDEX inturn_stream_due_reading ON inturn_stream (consumer, due_reading)
  WHERE due_reading IS NOT NULL;
  -- Positions that moved and nothing else, a row a commit: appending one row is cheaper than visiting every
  -- stream's page. Folded into the streams' rows from time to time. number rises within a consumer.
  CREATE TABLE inturn_journal (
    consumer INTEGER NOT NULL,
    number INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    deliveries INTEGER NOT NULL,
    entries BLOB NOT NULL,
    PRIMARY KEY (consumer, number)
  ) WITHOUT ROWID;
  -- Claims, while they last. since: a worker that has one for long is slow.
  CREATE TABLE inturn_claim (
    consumer INTEGER NOT NULL,
    path TEXT NOT NULL,
    worker TEXT NOT NULL,
    fence INTEGER NOT NULL,
    until INTEGER NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (consumer, path)
  ) WITHOUT ROWID;
  -- Held events. sequence is text that sorts like the number.
  CREATE TABLE inturn_held (
    stream INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    sequence TEXT NOT NULL,
    event TEXT NOT NULL,
    print INTEGER NOT NULL,
    held_at INTEGER NOT NULL,
    PRIMARY KEY (stream, epoch, sequence)
  ) WITHOUT ROWID;
  -- The inboxes that have entries. newest is the last arrival id, seen the last one that was looked at.
  CREATE TABLE inturn_inbox (
    consumer INTEGER NOT NULL,
    path TEXT NOT NULL,
    arrivals INTEGER NOT NULL,
    redrives INTEGER NOT NULL,
    newest INTEGER NOT NULL,
    seen INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (consumer, path)
  ) WITHOUT ROWID;
  -- The inboxes for which their streams are due at once.
  CREATE INDEX inturn_inbox_due ON inturn_inbox (consumer, path) WHERE newest > seen OR redrives > 0;
  -- Entries of inboxes, numbered in the order in which they arrived. number is text that sorts like the
  -- number on the wire.
  CREATE TABLE inturn_inbox_entry (
    consumer INTEGER NOT NULL,
    path TEXT NOT NULL,
    redrive INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    number TEXT NOT NULL,
    arrival_id INTEGER NOT NULL,
    entry TEXT NOT NULL,
    PRIMARY KEY (consumer, path, redrive, epoch, number, arrival_id)
  ) WITHOUT ROWID;
  -- Entries of inboxes in the order in which they arrived.
  CREATE UNIQUE INDEX inturn_inbox_entry_order ON inturn_inbox_entry (consumer, arrival_id);
  -- Dead letters, in the order in which they were kept. letter is the whole of it; the other columns find it.
  CREATE TABLE inturn_dead_letter (
    id INTEGER PRIMARY KEY,
    consumer INTEGER NOT NULL,
    key TEXT NOT NULL,
    reason TEXT NOT NULL,
    path TEXT,
    epoch INTEGER,
    sequence TEXT,
    letter TEXT NOT NULL
  );
  -- One dead letter a key.
  CREATE UNIQUE INDEX inturn_dead_letter_key ON inturn_dead_letter (consumer, key);
  -- Dead letters of one stream.
  CREATE INDEX inturn_dead_letter_path ON inturn_dead_letter (consumer, path);
  -- The ledger, in the order in which it was written.
  CREATE TABLE inturn_ledger (
    id INTEGER PRIMARY KEY,
    consumer INTEGER NOT NULL,
    path TEXT,
    entry TEXT NOT NULL
  );
  -- The ledger of one stream.
  CREATE INDEX inturn_ledger_path ON inturn_ledger (consumer, path);
  -- Ids of events of domains without tracking, while their window lasts; place rises within a domain.
  CREATE TABLE inturn_processed_id (
    consumer INTEGER NOT NULL,
    domain TEXT NOT NULL,
    id TEXT NOT NULL,
    place INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (consumer, domain, id)
  ) WITHOUT ROWID;
  -- Processed ids of a domain, oldest first.
  CREATE INDEX inturn_processed_id_place ON inturn_processed_id (consumer, domain, place);
  -- Leases, while they last. lasting: the end is kept for good.
  CREATE TABLE inturn_lease (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    fence INTEGER NOT NULL,
    until INTEGER NOT NULL,
    lasting INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;
  -- Workers that have not left, and when each said last that it was reading: who falls silent has died.
  CREATE TABLE inturn_worker (
    consumer INTEGER NOT NULL,
    name TEXT NOT NULL,
    beat_at INTEGER NOT NULL,
    PRIMARY KEY (consumer, name)
  ) WITHOUT ROWID;
  -- The streams of the event log. head is the last number that was given; it outlives its event.
  CREATE TABLE inturn_log_stream (
    id INTEGER PRIMARY KEY,
    domain TEXT NOT NULL,
    stream TEXT NOT NULL,
    head INTEGER NOT NULL,
    UNIQUE (domain, stream)
  );
  -- The events of the event log, by their place in it. data and attributes are JSON.
  CREATE TABLE inturn_log_event (
    place INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    time TEXT NOT NULL,
    appended_at INTEGER NOT NULL,
    attributes TEXT,
    data TEXT NOT NULL
  );
  -- The events of a stream by their number, each number once.
  CREATE UNIQUE INDEX inturn_log_event_sequence ON inturn_log_event (stream, sequence);
  -- The events of a stream by their id, each id once.
  CREATE UNIQUE INDEX inturn_log_event_id ON inturn_log_event (stream, id);
  -- The last number that a sequencer gave in each stream.
  CREATE TABLE inturn_sequence (
    domain TEXT NOT NULL,
    stream TEXT NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (domain, stream)
  ) WITHOUT ROWID;
  -- Numbers that were reserved. state: open, used, burned (not published yet), published.
  CREATE TABLE inturn_reservation (
    id INTEGER PRIMARY KEY,
    domain TEXT NOT NULL,
    stream TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    until INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT
  );
  -- Reservations of a domain by their state, the oldest first.
  CREATE INDEX inturn_reservation_state ON inturn_reservation (domain, state, until);
  -- Reservations that have ended and are only remembered for a while.
  CREATE INDEX inturn_reservation_ended ON inturn_reservation (until) WHERE state IN ('used', 'published');
  -- Ids of messages that a source brought without numbers, with the numbers they got, oldest first.
  CREATE TABLE inturn_assigned (
    scope TEXT NOT NULL,
    place INTEGER NOT NULL,
    domain TEXT NOT NULL,
    stream TEXT NOT NULL,
    id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (scope, place)
  ) WITHOUT ROWID;
  -- The number of an id.
  CREATE UNIQUE INDEX inturn_assigned_id ON inturn_assigned (scope, domain, stream, id);
`

/** Makes the tables, where there are none, in the transaction that is open. */
export function makeSchema(database: Database): void {
  if (hasSchema(database)) return
  database.exec(schemaSql)
  writeMeta(database, 'schema', schemaVersion)
}

/**
 * Checks that the file is a store of the version that can be read.
 *
 * @throws InturnError `store-unavailable` when it is none yet, `store-schema-newer`, `store-schema-older`
 */
export function checkSchema(database: Database): void {
  if (hasSchema(database)) return
  const message = `${database.file} is no inturn store yet: no worker has opened it`
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

/** Whether the tables are there; those of another version are refused. */
function hasSchema(database: Database): boolean {
  if (database.get(findMetaSql) === undefined) return false
  const version = readMeta(database, 'schema')
  if (version === schemaVersion) return true
  const age = version > schemaVersion ? 'newer' : 'older'
  const versions = `its schema is ${version}, known is ${schemaVersion}`
  const message = `${database.file} was written by another inturn, which is ${age}: ${versions}`
  throw new InturnError(`store-schema-${age}`, message)
}
