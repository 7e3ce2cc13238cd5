// Where a reader looks.
import type { Connection } from './connection.ts'
import type { Keyspace } from './keyspace.ts'

/** One consumer's data. */
export interface ReaderScope {
  readonly connection: Connection
  readonly keyspace: Keyspace
  readonly consumer: string
  /** The shards of streams. */
  readonly shards: readonly number[]
}
