// The demo's proof, taken from the database alone: every booking has exactly one row, and each account's rows
// stand in the order of their numbers.
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import { builtinSqlite } from '../../ports/runtime.ts'
import type { EventLog } from './event-log.ts'

// What the demo's handler writes: one row an event, numbered in the order of the commits. No constraint keeps
// a second row of an event out, so that only the engine can.
const createJournalSql = /* sql */ `
  CREATE TABLE journal (
    entry INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    amount INTEGER NOT NULL
  )
`
// How many rows there are, cheaply: none is ever deleted.
const countEntriesSql = 'SELECT coalesce(max(entry), 0) AS entries FROM journal'
// Each account: its rows, the numbers among them, and its balance.
const sumAccountsSql = /* sql */ `
  SELECT account, count(*) AS entries, count(DISTINCT sequence) AS numbers,
    min(sequence) AS lowest, max(sequence) AS highest, sum(amount) AS balance
  FROM journal GROUP BY account ORDER BY account
`
// Rows that do not stand where their number says: the n-th row of an account must bear the number n.
const findOutOfTurnSql = /* sql */ `
  SELECT account, sequence, place
  FROM (
    SELECT account, sequence, row_number() OVER (PARTITION BY account ORDER BY entry) AS place FROM journal
  )
  WHERE sequence <> place LIMIT 10
`

/** What the database says, held against the producer's log. */
export interface Proof {
  readonly rows: number
  readonly accounts: number
  /** Rows of a booking that already had one. */
  readonly repeated: number
  /** Bookings of the log without a row. */
  readonly missing: number
  /** Rows that do not stand where their number says; at most 10 are looked for. */
  readonly outOfTurn: number
  /** Accounts whose balance is not what the log says. */
  readonly wrongBalances: number
  readonly holds: boolean
}

type Row = Readonly<Record<string, SQLOutputValue>>

/** The demo's own table, read from outside of the engine. */
export class Journal {
  readonly #database: DatabaseSync

  /** Makes the table in a new database. */
  constructor(file: string) {
    this.#database = new (builtinSqlite().DatabaseSync)(file, { timeout: 10_000 })
    this.#database.exec(createJournalSql)
  }

  /** How many rows there are by now. */
  count(): number {
    const row: Row | undefined = this.#database.prepare(countEntriesSql).get()
    return Number(row?.['entries'] ?? 0)
  }

  /** Holds the table against the producer's log. */
  prove(log: EventLog): Proof {
    const accounts: readonly Row[] = this.#database.prepare(sumAccountsSql).all()
    const outOfTurn = this.#database.prepare(findOutOfTurnSql).all().length
    let [rows, repeated, missing, wrongBalances] = [0, 0, 0, 0]
    for (const row of accounts) {
      const stream = String(row['account'])
      const [entries, numbers] = [Number(row['entries']), Number(row['numbers'])]
      rows += entries
      repeated += entries - numbers
      missing += log.lastOf(stream) - numbers
      if (Number(row['balance']) !== log.balanceOf(stream)) wrongBalances++
    }
    for (const stream of log.streams) {
      if (!accounts.some((row) => row['account'] === stream)) missing += log.lastOf(stream)
    }
    const isWhole = rows === log.bookings.length && accounts.length === log.streams.length
    const holds = isWhole && repeated + missing + outOfTurn + wrongBalances === 0
    return { rows, accounts: accounts.length, repeated, missing, outOfTurn, wrongBalances, holds }
  }

  close(): void {
    this.#database.close()
  }
}
