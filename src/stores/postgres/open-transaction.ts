// What a body sees of the transaction in which it runs. It ends with the body, and what comes late is refused
// rather than carried out by itself. Upholds I2.
import { InturnError } from '../../core/errors.ts'
import { fieldOf } from '../../core/thrown.ts'
import { faultOf } from './faults.ts'
import type { PostgresResult, PostgresTransaction } from './postgres-client.ts'

const readXactSql = 'SELECT pg_current_xact_id()::text AS xact'

/** A transaction that is open. */
export class OpenTransaction implements PostgresTransaction {
  readonly #client: PostgresTransaction
  readonly #name: string
  #xact: unknown
  #isOpen = true

  constructor(client: PostgresTransaction, name: string) {
    this.#client = client
    this.#name = name
  }

  async begin(): Promise<void> {
    this.#xact = await this.#current()
  }

  async query(text: string, values?: unknown[]): Promise<PostgresResult> {
    if (!this.#isOpen) {
      throw new InturnError('handler-failed', 'the transaction has ended: await each query in its body')
    }
    try {
      return await this.#client.query(text, values)
    } catch (error) {
      throw faultOf(error, this.#name) ?? error
    }
  }

  /**
   * Whether it is still the transaction that was begun: a COMMIT or ROLLBACK of the body's own has ended it.
   * That one of its statements failed is told by its commit.
   */
  async checkIsOurs(): Promise<void> {
    const current = await this.#current().catch((error: unknown) => {
      if (fieldOf(error, 'code') === '25P02') return this.#xact
      throw error
    })
    if (current === this.#xact) return
    const message = 'the body has ended its transaction itself: leave COMMIT and ROLLBACK to the log'
    throw new InturnError('handler-failed', message)
  }

  end(): void {
    this.#isOpen = false
  }

  async #current(): Promise<unknown> {
    const { rows } = await this.query(readXactSql)
    return rows[0]?.['xact']
  }
}
