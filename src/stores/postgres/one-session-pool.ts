// PGlite, Postgres within the process, as a pool of the package pg. It has one session, which is lent to one
// at a time, in the order in which they ask: units of work follow each other, and never meet. Upholds I5.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { PGlite } from '@electric-sql/pglite'
import { InturnError } from '../../core/errors.ts'
import { PgliteClient, refusalWithin } from './pglite-client.ts'
import type { PgliteFolder } from './pglite-folder.ts'
import type { PglitePool, PostgresClient, PostgresQuery, PostgresResult } from './postgres-client.ts'

// new -> free <-> lent -> ended; a crash of PGlite leads back to new.

/** A pool over PGlite; made by `pglitePool`. */
export class OneSessionPool implements PglitePool {
  readonly name: string
  /** As a pool of `pg` says how many connections it may have. */
  readonly options = { max: 1 } as const
  readonly #folder: PgliteFolder
  readonly #waitMs: number
  /** Those who wait for the session, in the order in which they have asked. */
  readonly #waiting = new Set<(turn: undefined) => void>()
  readonly #within = new AsyncLocalStorage<PgliteClient>()
  #database: PGlite | undefined
  #isTaken = false
  #lent: PgliteClient | undefined
  #ended: Promise<void> | undefined

  constructor(folder: PgliteFolder, waitMs: number) {
    this.name = folder.name
    this.#folder = folder
    this.#waitMs = waitMs
  }

  /** Lends the session, once all who have asked before have given it back. */
  async connect(): Promise<PostgresClient> {
    return this.#holderHere()?.reader() ?? this.connectAfter()
  }

  async connectAfter(): Promise<PostgresClient> {
    if (this.#ended !== undefined) throw this.#closed()
    await this.#turn(this.#waitMs)
    try {
      this.#database ??= await this.#folder.open()
    } catch (error) {
      this.#back()
      throw error
    }
    this.#lent = this.#client(this.#database)
    return this.#lent
  }

  /** Runs one statement by itself. */
  async query(query: string | PostgresQuery, values?: unknown[]): Promise<PostgresResult> {
    const client = await this.connect()
    try {
      return await client.query(query, values)
    } finally {
      client.release()
    }
  }

  /** Waits for whoever has the session, closes the database, and leaves the folder to others. */
  async end(): Promise<void> {
    this.#ended ??= this.#end()
    await this.#ended
  }

  refusalHere(): InturnError | undefined {
    return this.#holderHere() && refusalWithin(this.name)
  }

  #holderHere(): PgliteClient | undefined {
    const holder = this.#within.getStore()
    return holder === this.#lent ? holder : undefined
  }

  #client(database: PGlite): PgliteClient {
    return new PgliteClient({
      name: this.name,
      database,
      hold: (holder, body) => this.#within.run(holder, body),
      back: () => this.#back(),
      crashed: () => {
        this.#database = undefined
      },
    })
  }

  async #end(): Promise<void> {
    await this.#turn()
    await this.#database?.close()
    this.#database = undefined
    this.#folder.free()
  }

  /** Waits until the session is one's own, which then is nobody else's until it is given back. */
  async #turn(waitMs?: number): Promise<void> {
    if (!this.#isTaken) {
      this.#isTaken = true
      return
    }
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    this.#waiting.add(resolve)
    const refuse = (): void => {
      if (this.#waiting.delete(resolve)) reject(this.#late())
    }
    const late = waitMs === undefined ? undefined : setTimeout(refuse, waitMs)
    await promise.finally(() => clearTimeout(late))
  }

  #back(): void {
    this.#lent = undefined
    const [next] = this.#waiting
    if (next !== undefined) this.#waiting.delete(next)
    this.#isTaken = next !== undefined
    next?.(undefined)
  }

  #late(): InturnError {
    const why = `whoever has its one session has kept it for ${this.#waitMs} ms`
    const how = 'within a transaction, use that transaction (a handler: `context.transaction`), not the pool'
    return new InturnError('store-unavailable', `${this.name}: ${why}: ${how}`, { retryable: true })
  }

  #closed(): InturnError {
    return new InturnError('store-closed', `${this.name}: its pool has ended`)
  }
}
