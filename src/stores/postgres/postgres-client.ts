// What is used of the package pg, as shapes: a pool or a client of any copy or wrapper of it will do.
import type { InturnError } from '../../core/errors.ts'

/** Whatever runs statements: a client with a transaction open, as users have it. */
export interface PostgresTransaction {
  /** Runs one statement; `$1` in it is the first value. */
  query(query: string | PostgresQuery, values?: unknown[]): Promise<PostgresResult>
}

/** A statement with what the package pg takes besides, as query builders give it. */
export interface PostgresQuery {
  readonly text: string
  readonly values?: unknown[]
  /** The server keeps the plan of a statement with a name for as long as the connection lasts. */
  readonly name?: string
}

/** What a statement came to. */
export interface PostgresResult {
  readonly rows: PostgresRow[]
  /** `INSERT`, `COMMIT`, ... */
  readonly command: string
  readonly rowCount: number | null
}

/** A row, as the driver gives it. */
export type PostgresRow = Record<string, unknown>

/** A client that a pool has lent. */
export interface PostgresClient extends PostgresTransaction {
  on(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'error', listener: (error: Error) => void): unknown
  /** Gives it back; with `true` its connection is ended. */
  release(destroy?: boolean): void
  /** `I`: none is open, `T`: one is, `E`: one is and has failed. */
  getTransactionStatus?(): 'I' | 'T' | 'E' | null | undefined
  /**
   * Where a pool has one session: runs what has it. Whoever asks the pool for a client from within that gets
   * one that reads in the same transaction, instead of waiting for itself.
   */
  hold?<Result>(body: () => Promise<Result>): Promise<Result>
}

/** A pool of the package pg. */
export interface PostgresPool {
  /** For people; `postgres` by default. */
  readonly name?: string
  connect(): Promise<PostgresClient>
  /**
   * Where it has one session: lends it to what was begun from within what has it, and is no part of that. It
   * waits for its end, so nothing of it may wait for the client.
   */
  connectAfter?(): Promise<PostgresClient>
  /** Where it has one session: why this may not write, as it is called from within what has that. */
  refusalHere?(): InturnError | undefined
}

/** A pool over PGlite. */
export interface PglitePool extends PostgresPool, PostgresTransaction {
  /** Waits for whoever has the session, closes the database, and leaves its folder to others. */
  end(): Promise<void>
}
