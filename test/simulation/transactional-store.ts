// Gives a store without transactions what a database has: handlers write inside the commit, a unit of work
// sees its own changes before they are durable, and all of it becomes durable at once or not at all. For the
// simulator, whose effects have to commit with the positions (I2).
import { InturnError, invariant } from '../../src/core/errors.ts'
import { plainStore, plainUnit } from '../../src/ports/around-store.ts'
import type { HeldEvent, HeldRange } from '../../src/ports/records.ts'
import type {
  Commit,
  Store,
  StreamChange,
  StreamRecords,
  UnitOfWork,
  WorkRequest,
  Worked,
} from '../../src/ports/store.ts'
import { changesState, wonStream } from '../../src/ports/store.ts'
import { recordText } from '../../src/storage/record-text.ts'
import type { EffectTransaction, WrittenEffect } from './effect-logs.ts'

/** What a transactional store is told. */
export interface TransactionOptions {
  /** Effects are durable now. */
  readonly written: (consumer: string, effects: readonly WrittenEffect[]) => void
  /**
   * Calls back when the process dies: its open transactions are rolled back then, and their claims
   * released.
   */
  readonly onDeath: (callback: () => void) => void
  /**
   * One at a time of the transactions without streams, for all stores over the same data: they share the
   * ids.
   */
  readonly queue: TransactionQueue
  /** How many a worker has side by side. Default 1. */
  readonly transactionsMax?: number
}

/** Lets one transaction in after the other. */
export class TransactionQueue {
  #last: Promise<unknown> = Promise.resolve()

  /** Runs after all that came before have ended, however they did. */
  run<Result>(transaction: () => Promise<Result>): Promise<Result> {
    const own = this.#last.then(transaction)
    this.#last = own.catch(() => undefined)
    return own
  }
}

/** A transaction has no lease: it lasts until it ends, or its connection does. */
const transactionClaimMs = 1e12

/** A store with transactions over one without. */
export function transactionalStore(store: Store, options: TransactionOptions): Store<EffectTransaction> {
  return {
    ...plainStore(store, { effects: 'transaction', transactionsMax: options.transactionsMax ?? 1 }),
    work: (request, body) =>
      request.mode === 'claim'
        ? store.work(request, (unit) => body({ ...plainUnit(unit), transaction: undefined }))
        : request.streams.length === 0
          ? options.queue.run(() => workInTransaction(store, { request, body, options }))
          : workInTransaction(store, { request, body, options }),
  }
}

async function workInTransaction<Result>(
  store: Store,
  work: {
    readonly request: WorkRequest
    readonly body: (unit: UnitOfWork<EffectTransaction>) => Promise<Result>
    readonly options: TransactionOptions
  },
): Promise<Worked<Result>> {
  const { request, body, options } = work
  // Of a database that has several transactions at a time, each also takes several statements.
  const isShared = (options.transactionsMax ?? 1) > 1
  const died = new Promise<never>((_resolve, reject) => {
    options.onDeath(() => reject(new InturnError('store-unavailable', 'the connection has ended')))
  })
  died.catch(() => undefined)
  return store.work({ ...request, mode: 'claim', claimMs: transactionClaimMs }, async (unit) => {
    const open = new OpenTransaction(unit)
    const value = await Promise.race([body(open.unit(isShared)), died]).finally(() => open.end())
    const effects = await open.commit()
    options.written(request.consumer, effects)
    return value
  })
}

/** What a transaction has changed and written so far. */
class OpenTransaction {
  readonly #unit: UnitOfWork
  #commits: readonly Commit[] = []
  #effects: readonly WrittenEffect[] = []
  #isEnded = false
  #isShared = false

  constructor(unit: UnitOfWork) {
    this.#unit = unit
  }

  /** `isShared`: handlers of several streams may be called at once. */
  unit(isShared: boolean): UnitOfWork<EffectTransaction> {
    return {
      ...plainUnit(this.#unit),
      transaction: {
        forHandlers: this.#forHandlers(),
        ended: undefined,
        savepoint: (run) => this.#savepoint(run),
        ...(isShared && { atOnce: (run: () => Promise<void>) => this.#atOnce(run) }),
      },
      held: async (ranges) => {
        this.#checkUsable()
        const events = await this.#unit.held(ranges)
        return ranges.flatMap((range) => this.#overlaid(range, events))
      },
      inbox: async (pages) => {
        this.#checkUsable()
        const decided = new Set(this.#changes().flatMap((change) => change.decided))
        const read = pages.map(async (page) => {
          const all = await this.#unit.inbox([{ ...page, limit: page.limit + decided.size }])
          return all.filter(({ arrivalId }) => !decided.has(arrivalId)).slice(0, page.limit)
        })
        return (await Promise.all(read)).flat()
      },
      knownIds: async (domain, ids) => {
        const known = new Set(await this.#unit.knownIds(domain, ids))
        for (const commit of this.#commits) {
          for (const own of commit.ids ?? [])
            if (own.domain === domain) for (const id of own.ids) known.add(id)
        }
        return new Set(ids.filter((id) => known.has(id)))
      },
      commit: async (commit) => {
        this.#checkUsable()
        for (const change of commit.streams) checkKeepable(this.#unit, change)
        this.#commits = [...this.#commits, commit]
        return commit.streams.map(() => 'committed')
      },
    }
  }

  /** The body is over: nothing more can be written. */
  end(): void {
    this.#isEnded = true
  }

  /**
   * Makes everything durable; returns what the handlers wrote. All commits are begun in one step, so none
   * is apart.
   */
  async commit(): Promise<readonly WrittenEffect[]> {
    const outcomes = await Promise.all(this.#commits.map((commit) => this.#unit.commit(commit)))
    if (outcomes.flat().includes('claim-lost')) {
      throw new InturnError('invariant-violated', 'a transaction has lost a stream that it had locked')
    }
    return this.#effects
  }

  #forHandlers(): EffectTransaction {
    const isShared = (): boolean => this.#isShared
    return {
      write: (effect) => this.#write(effect),
      get isShared() {
        return isShared()
      },
    }
  }

  async #atOnce(run: () => Promise<void>): Promise<void> {
    this.#isShared = true
    await run().finally(() => (this.#isShared = false))
  }

  async #savepoint<Result>(run: () => Promise<Result>): Promise<Result> {
    const [commits, effects] = [this.#commits, this.#effects]
    try {
      return await run()
    } catch (error) {
      this.#commits = commits
      this.#effects = effects
      throw error
    }
  }

  #write(effect: WrittenEffect): void {
    if (this.#isEnded)
      throw new InturnError('handler-failed', 'a handler wrote after its transaction had ended')
    this.#effects = [...this.#effects, effect]
  }

  #checkUsable(): void {
    invariant(!this.#isEnded, 'a unit of work was used after its end')
  }

  #changes(): readonly (StreamChange | StreamRecords)[] {
    return this.#commits.flatMap(({ streams }) => streams)
  }

  #overlaid(range: HeldRange, below: readonly HeldEvent[]): readonly HeldEvent[] {
    let events = below.filter((held) => isWithin(held, range))
    for (const change of this.#changes()) {
      if (change.stream !== range.stream || !changesState(change)) continue
      const added = change.hold.filter((held) => isWithin(held, range))
      const numbers = new Set(added.map(({ event }) => event.sequence))
      const kept = events.filter(
        (held) =>
          !change.release.some((released) => isWithin(held, released)) && !numbers.has(held.event.sequence),
      )
      events = [...kept, ...added]
    }
    return events.sort((a, b) => (a.event.sequence < b.event.sequence ? -1 : 1))
  }
}

/** Fails now for what could not be kept at the end. */
function checkKeepable(unit: UnitOfWork, change: StreamChange | StreamRecords): void {
  const { stream, deadLetters, ledger } = change
  wonStream(unit, stream)
  if (changesState(change)) for (const { event } of change.hold) recordText(event)
  for (const record of [...deadLetters, ...ledger]) recordText(record)
}

function isWithin(held: HeldEvent, range: HeldRange): boolean {
  const { epoch, sequence } = held.event
  return (
    held.stream === range.stream &&
    epoch === range.epoch &&
    sequence <= range.to &&
    (range.after === null || sequence > range.after)
  )
}
