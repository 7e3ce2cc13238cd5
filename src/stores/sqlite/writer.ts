// Everything that is written to the file goes through here: one transaction at a time, begun without
// blocking the event loop, and small writes that wait at the same moment share one transaction, so that
// they share one fsync. Upholds I10: what cannot be made durable is rejected, and nothing of it has
// happened.
import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import { InturnError } from '../../core/errors.ts'
import { systemTimers } from '../../ports/timers.ts'
import type { Database } from './database.ts'

/** `lazy`: after a power failure the write may be missing, together with everything written after it. */
export type Durability = 'full' | 'lazy'

/** What is to be done once the outcome of a transaction is known. */
export class Outcome {
  readonly #committed: (() => void)[] = []
  readonly #undone: (() => void)[] = []

  onCommit(call: () => void): void {
    this.#committed.push(call)
  }

  onUndo(call: () => void): void {
    this.#undone.push(call)
  }

  commit(): void {
    for (const call of this.#committed) call()
  }

  undo(): void {
    for (const call of this.#undone) call()
  }
}

/** Limits of a writer. */
export interface WriterOptions {
  /** How long to wait for other processes, in milliseconds. */
  readonly busyMs: number
  /** Whether `full` writes wait until the disk has them. */
  readonly isSynced: boolean
}

interface Write {
  readonly durability: Durability
  readonly run: () => void
  readonly outcome: Outcome
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

/** The one that writes. */
export class Writer {
  readonly #database: Database
  readonly #options: WriterOptions
  readonly #turns = new Turns()
  #waiting: Write[] = []
  #durability: Durability | undefined
  #isClosed = false

  constructor(database: Database, options: WriterOptions) {
    this.#database = database
    this.#options = options
  }

  /** Runs a body that does not wait in a transaction, together with others of its kind. */
  async write<Result>(durability: Durability, body: (outcome: Outcome) => Result): Promise<Result> {
    this.#checkOpen()
    const outcome = new Outcome()
    return new Promise<Result>((resolve, reject) => {
      let done = (): void => {}
      const run = (): void => {
        const value = body(outcome)
        done = () => resolve(value)
      }
      this.#waiting.push({ durability, run, outcome, done: () => done(), failed: reject })
      if (this.#waiting.length === 1) setImmediate(() => void this.#turns.run(() => this.#writeWaiting()))
    })
  }

  /**
   * Runs a body in a transaction of its own that is open as long as the body runs. The event loop turns once
   * before each: nothing in a transaction needs it, and a long list would keep timers and sockets waiting.
   */
  async transact<Result>(body: (outcome: Outcome) => Promise<Result>): Promise<Result> {
    return this.#turns.run(async () => {
      await eventLoopTurn()
      this.#checkOpen()
      await this.#begin('full')
      const outcome = new Outcome()
      try {
        const value = await body(outcome)
        this.#database.commit()
        outcome.commit()
        return value
      } catch (error) {
        this.#database.rollback()
        outcome.undo()
        throw error
      }
    })
  }

  /** Waits for the transaction that is open, and refuses all others. */
  async close(): Promise<void> {
    await this.#turns.run(async () => {
      this.#isClosed = true
    })
  }

  async #writeWaiting(): Promise<void> {
    const writes = this.#waiting
    this.#waiting = []
    try {
      this.#checkOpen()
      await this.#begin(writes.some(({ durability }) => durability === 'full') ? 'full' : 'lazy')
      this.#commit(this.#applyAll(writes))
    } catch (error) {
      for (const write of writes) write.failed(error)
    }
  }

  /** Runs writes; those that take part in the transaction. If it is gone, none of them has happened. */
  #applyAll(writes: readonly Write[]): readonly Write[] {
    const applied: Write[] = []
    try {
      for (const write of writes) if (this.#apply(write)) applied.push(write)
      return applied
    } catch (error) {
      for (const { outcome } of applied) outcome.undo()
      throw error
    }
  }

  #commit(writes: readonly Write[]): void {
    try {
      this.#database.commit()
    } catch (error) {
      for (const { outcome } of writes) outcome.undo()
      throw error
    }
    for (const { outcome, done } of writes) {
      outcome.commit()
      done()
    }
  }

  /** Runs one write; says whether it takes part in the transaction. */
  #apply({ run, outcome, failed }: Write): boolean {
    const database = this.#database
    try {
      database.run('SAVEPOINT inturn_write')
      run()
      database.run('RELEASE inturn_write')
      return true
    } catch (error) {
      outcome.undo()
      failed(error)
      if (!database.isTransaction) throw error
      database.run('ROLLBACK TO inturn_write')
      database.run('RELEASE inturn_write')
      return false
    }
  }

  async #begin(durability: Durability): Promise<void> {
    this.#beDurable(this.#options.isSynced ? durability : 'lazy')
    const until = systemTimers.elapsedMs() + this.#options.busyMs
    for (let waitMs = 1; !this.#database.tryBegin(); waitMs = Math.min(waitMs * 1.5, 10)) {
      if (systemTimers.elapsedMs() >= until) {
        const message = `${this.#database.file} was locked by another process for ${this.#options.busyMs} ms`
        throw new InturnError('store-unavailable', message, { retryable: true })
      }
      await systemTimers.sleep(waitMs * (0.5 + Math.random() / 2))
    }
  }

  #beDurable(durability: Durability): void {
    if (durability === this.#durability) return
    this.#database.run(durability === 'full' ? 'PRAGMA synchronous = FULL' : 'PRAGMA synchronous = NORMAL')
    this.#durability = durability
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new InturnError('store-closed', `${this.#database.file} is closed`)
  }
}

/** Whoever asks waits until all who asked before are done: a connection has one transaction at a time. */
class Turns {
  #last: Promise<undefined> = Promise.resolve(undefined)

  /** Waits for its turn, runs, and lets the next one go on. */
  async run<Result>(body: () => Promise<Result>): Promise<Result> {
    const before = this.#last
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.#last = promise
    try {
      await before
      return await body()
    } finally {
      resolve(undefined)
    }
  }
}
