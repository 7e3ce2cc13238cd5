// What is used of the package pg, as shapes: a pool or a client of any copy or wrapper of it will do.

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
}

/** A pool of the package pg. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>
}
