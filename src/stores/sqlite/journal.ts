// The journal: positions that moved and nothing else, appended as one row a commit and folded into the
// streams' rows once many have come together. A stream with a thousand events a second is so written to its
// own row only now and then. Upholds I2: an entry is part of its commit's transaction like everything else.
import { writeState } from '../../core/encode-state.ts'
import type { StreamState } from '../../core/stream-state.ts'
import { ByteReader, ByteWriter } from '../../core/varints.ts'
import type { Database } from './database.ts'
import { bytesAt, maybeNumberAt, numberAt } from './row.ts'

// Appends a commit's entries.
const appendSql = /* sql */ `
  INSERT INTO inturn_journal (consumer, number, changed_at, fence, deliveries, entries)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6)
`
const numberSql = /* sql */ `
  UPDATE inturn_consumer SET journal = journal + 1, journal_entries = journal_entries + ?2 WHERE id = ?1
  RETURNING journal, journal_entries
`
// The number of the journal's last row.
const lastNumberSql = 'SELECT journal FROM inturn_consumer WHERE id = ?1'
// The number of the first row of a consumer's journal: another one each time since it was folded last.
const firstNumberSql = 'SELECT min(number) AS number FROM inturn_journal WHERE consumer = ?1'
// The journal of a consumer behind a row, in its order.
export const readJournalSql = /* sql */ `
  SELECT number, changed_at, fence, entries FROM inturn_journal WHERE consumer = ?1 AND number > ?2
  ORDER BY number
`
// Brings a stream's row to what the journal says last of it, unless the row is newer; deliveries add up
// anyhow.
const foldEntrySql = /* sql */ `
  UPDATE inturn_stream
  SET
    deliveries = deliveries + ?2,
    state = iif(?3 > journal_seen, ?4, state),
    changed_at = iif(?3 > journal_seen, ?5, changed_at),
    fence = iif(?3 > journal_seen, ?6, fence)
  WHERE id = ?1
`
const clearSql = 'DELETE FROM inturn_journal WHERE consumer = ?1'
const clearEntriesSql = 'UPDATE inturn_consumer SET journal_entries = 0 WHERE id = ?1'

/** Fewer changes than this in a commit are written to their streams' rows at once. */
export const journaledMin = 8
/** With this many entries the journal is folded. */
const entriesMax = 65_536

/** What the journal says of one stream. */
export interface JournaledStream {
  /** The number of the last row that has it. */
  readonly number: number
  readonly state: Uint8Array
  readonly changedAt: number
  readonly fence: number
  /** Added up over all rows. */
  readonly deliveries: number
}

/** Appends a commit's entries; folds the journal when it has become long. */
export function appendJournal(
  database: Database,
  consumer: number,
  row: { readonly entries: readonly JournalEntry[]; readonly fence: number; readonly now: number },
): void {
  const { entries, fence, now } = row
  const numbered = database.one(numberSql, consumer, entries.length)
  let deliveries = 0
  for (const entry of entries) deliveries += entry.deliveries
  database.run(
    appendSql,
    consumer,
    numberAt(numbered, 'journal'),
    now,
    fence,
    deliveries,
    packEntries(entries),
  )
  if (numberAt(numbered, 'journal_entries') >= entriesMax) foldJournal(database, consumer)
}

/** The number of the journal's last row. */
export function lastJournalNumber(database: Database, consumer: number): number {
  return numberAt(database.one(lastNumberSql, consumer), 'journal')
}

/** What a journal says, as far as it was read. */
interface ReadJournal {
  readonly database: Database
  readonly consumer: number
  /** The numbers of its first row and of the last that was read. */
  readonly first: number | undefined
  last: number
  readonly streams: Map<number, JournaledStream>
}

/** Reads journals; of the one that was read last only what is new. */
export class JournalReader {
  #known: ReadJournal | undefined

  /** Everything that a journal says, by the id of the stream's row. */
  read(database: Database, consumer: number): ReadonlyMap<number, JournaledStream> {
    const first = maybeNumberAt(database.one(firstNumberSql, consumer), 'number')
    const known = this.#known
    const isKnown = known?.database === database && known.consumer === consumer && known.first === first
    const journal = isKnown ? known : { database, consumer, first, last: 0, streams: new Map() }
    this.#known = journal
    journal.last = readRows(database, consumer, journal)
    return journal.streams
  }
}

/** Adds what the rows behind the last one say; the number of the last one then. */
function readRows(
  database: Database,
  consumer: number,
  { last, streams }: Pick<ReadJournal, 'last' | 'streams'>,
): number {
  let number = last
  for (const row of database.all(readJournalSql, consumer, last)) {
    number = numberAt(row, 'number')
    const [changedAt, fence] = [numberAt(row, 'changed_at'), numberAt(row, 'fence')]
    for (const { id, deliveries, state } of unpackEntries(bytesAt(row, 'entries'))) {
      const before = streams.get(id)?.deliveries ?? 0
      streams.set(id, { number, state, changedAt, fence, deliveries: before + deliveries })
    }
  }
  return number
}

/** Brings every stream's row to what the journal says, and empties the journal. */
export function foldJournal(database: Database, consumer: number): void {
  const streams = [...new JournalReader().read(database, consumer)].sort(([a], [b]) => a - b)
  for (const [id, { number, state, changedAt, fence, deliveries }] of streams) {
    database.run(foldEntrySql, id, deliveries, number, state, changedAt, fence)
  }
  database.run(clearSql, consumer)
  database.run(clearEntriesSql, consumer)
}

/** One stream's entry. */
export interface JournalEntry<State = StreamState> {
  /** The id of the stream's row. */
  readonly id: number
  readonly deliveries: number
  readonly state: State
}

/** Two numbers of at most 8 bytes each, and the length of the state. */
const headMax = 20

const scratch = new ByteWriter()

/** Entries as bytes. */
export function packEntries(entries: readonly JournalEntry[]): Uint8Array {
  return scratch.written(() => {
    for (const entry of entries) pack(entry)
  })
}

function pack({ id, deliveries, state }: JournalEntry): void {
  scratch.reserve(headMax)
  scratch.numbers([id, deliveries])
  const lengthAt = scratch.at
  scratch.at += 4
  writeState(scratch, state)
  const end = scratch.at
  scratch.at = lengthAt
  scratch.word(end - lengthAt - 4)
  scratch.at = end
}

/** Entries from bytes, in the order in which they were packed; each state as its bytes. */
export function unpackEntries(bytes: Uint8Array): JournalEntry<Uint8Array>[] {
  const entries: JournalEntry<Uint8Array>[] = []
  const reader = new ByteReader(bytes)
  while (reader.at < bytes.length) {
    const [id, deliveries, length] = [reader.number(), reader.number(), reader.word()]
    entries.push({ id, deliveries, state: bytes.subarray(reader.at, reader.at + length) })
    reader.at += length
  }
  return entries
}
