// The unit of work of every store. An adaptor reads and commits; here stands, once, what a unit refuses: what
// comes after its end, what is about a stream that was not won or has ended, and what a transaction that was
// undone cannot do. Claims are renewed while the body runs, and released when it ends. Upholds I5.
import { InturnError } from '../core/errors.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { Clock } from '../core/stream-state.ts'
import type { CommitCommands } from '../ports/commit-commands.ts'
import type { DomainStatus, HeldEvent, HeldRange, InboxPage, StoredEntry } from '../ports/records.ts'
import { keepRenewed } from '../ports/renewal.ts'
import type { Renewal } from '../ports/renewal.ts'
import type {
  Commit,
  CommitOutcome,
  TransactionEnd,
  UnitOfWork,
  UnitTransaction,
  WonStream,
  Worked,
} from '../ports/store.ts'

/** What a unit of work begins with. */
export type BegunUnit = Pick<UnitOfWork, 'clock' | 'streams' | 'busy' | 'domains'>

/** What a unit of work reads. */
export type UnitReads = Pick<UnitOfWork, 'held' | 'inbox' | 'knownIds'>

/** What an adaptor does for a unit of work. It is asked only what an open unit may do. */
export interface UnitParts<Commands = unknown> {
  readonly begun: BegunUnit
  readonly reads: UnitReads
  readonly commands?: CommitCommands<Commands>
  commit(commit: Commit): Promise<readonly CommitOutcome[]>
}

/** A unit of work with claims. */
export interface ClaimParts<Commands = unknown> extends UnitParts<Commands> {
  /** Renews every claim; `false` when one is lost. */
  renew(): Promise<boolean>
  /** Releases the claims; says which of their streams have entries that were not looked at. */
  release(): Promise<readonly StreamPath[]>
}

/** Runs a body over claims. */
export async function workWithClaims<Commands, Result>(
  parts: ClaimParts<Commands>,
  { timers, claimMs }: Pick<Renewal, 'timers' | 'claimMs'>,
  body: (unit: UnitOfWork<never, Commands>) => Promise<Result>,
): Promise<Worked<Result>> {
  const unit = new GuardedUnit<never, Commands>(parts)
  const stop = keepRenewed({ timers, claimMs, renew: () => parts.renew(), lost: () => unit.abort() })
  const end = (): Promise<readonly StreamPath[]> => {
    stop()
    unit.end()
    return parts.release().catch(leftToExpire)
  }
  let value: Result
  try {
    value = await body(unit)
  } catch (error) {
    await end()
    throw error
  }
  return { value, again: await end() }
}

/** A release that failed changes no outcome: the claims expire, and then their streams are due. */
function leftToExpire(error: unknown): readonly StreamPath[] {
  if (error instanceof InturnError) return []
  throw error
}

/** What is said to whoever uses a transaction that has ended. */
export function refusalOf({ fault }: TransactionEnd): InturnError {
  return (
    fault ?? new InturnError('handler-failed', 'a statement of a handler has rolled the transaction back')
  )
}

/** A unit of work, for the body. */
export class GuardedUnit<Transaction, Commands> implements UnitOfWork<Transaction, Commands> {
  readonly clock: Clock
  readonly streams: ReadonlyMap<StreamPath, WonStream>
  readonly busy: readonly StreamPath[]
  readonly domains: ReadonlyMap<string, DomainStatus>
  readonly transaction: UnitTransaction<Transaction> | undefined
  readonly commands?: CommitCommands<Commands>
  readonly #parts: UnitParts<Commands>
  readonly #abort = new AbortController()
  readonly #ended = new Set<StreamPath>()
  #isOver = false

  constructor(parts: UnitParts<Commands>, transaction?: UnitTransaction<Transaction>) {
    const { clock, streams, busy, domains } = parts.begun
    this.clock = clock
    this.streams = streams
    this.busy = busy
    this.domains = domains
    this.transaction = transaction && this.#transactionOf(transaction)
    if (parts.commands !== undefined) this.commands = this.#recording(parts.commands)
    this.#parts = parts
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Fires the signal: a claim, or the transaction, is lost. */
  abort(): void {
    this.#abort.abort()
  }

  /** The body is over. */
  end(): void {
    this.#isOver = true
  }

  held(ranges: readonly HeldRange[]): Promise<readonly HeldEvent[]> {
    return this.#guarded(ranges, () => this.#parts.reads.held(ranges))
  }

  inbox(pages: readonly InboxPage[]): Promise<readonly StoredEntry[]> {
    return this.#guarded(pages, () => this.#parts.reads.inbox(pages))
  }

  knownIds(domain: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#guarded([], () => this.#parts.reads.knownIds(domain, ids))
  }

  commit(commit: Commit): Promise<readonly CommitOutcome[]> {
    const refusal = this.#refusal(commit.streams) ?? this.#refusal(commit.ended ?? [])
    if (refusal !== undefined) return Promise.reject(refusal)
    const committed = this.#parts.commit(commit)
    committed.then(
      (outcomes) => this.#note(commit, outcomes),
      () => undefined,
    )
    return committed
  }

  /** Takes in what a commit came to, before whoever waits for it goes on. */
  #note({ streams, ended = [] }: Commit, outcomes: readonly CommitOutcome[]): void {
    if (outcomes.includes('claim-lost')) this.abort()
    if (ended.length === 0) return
    const open = new Set<StreamPath>()
    for (let at = 0; at < streams.length; at++) {
      const stream = streams[at]?.stream
      if (stream !== undefined && outcomes[at] !== 'committed') open.add(stream)
    }
    for (const stream of ended) if (!open.has(stream)) this.#ended.add(stream)
  }

  #transactionOf(transaction: UnitTransaction<Transaction>): UnitTransaction<Transaction> {
    return {
      forHandlers: transaction.forHandlers,
      get ended() {
        return transaction.ended
      },
      savepoint: (run) => this.#guarded([], () => transaction.savepoint(run)),
      ...(transaction.atOnce !== undefined && {
        atOnce: (run) => this.#guarded([], async () => transaction.atOnce?.(run)),
      }),
    }
  }

  #recording(commands: CommitCommands<Commands>): CommitCommands<Commands> {
    return {
      partials: commands.partials,
      record: (stream) => {
        const refusal = this.#refusal([{ stream }])
        if (refusal !== undefined) throw refusal
        return commands.record(stream)
      },
    }
  }

  #guarded<Result>(used: readonly AboutStream[], call: () => Promise<Result>): Promise<Result> {
    const refusal = this.#refusal(used)
    return refusal === undefined ? call() : Promise.reject(refusal)
  }

  /** Why something is not to be done, or not any more. */
  #refusal(used: readonly (AboutStream | StreamPath)[]): InturnError | undefined {
    if (this.#isOver) return misuse('a unit of work was used after its end')
    for (const one of used) {
      const stream = typeof one === 'string' ? one : one.stream
      if (!this.streams.has(stream)) return misuse(`${stream} was used in a unit of work that has not won it`)
      if (this.#ended.has(stream)) return misuse(`${stream} was used in a unit of work that has done with it`)
    }
    const { ended } = this.transaction ?? {}
    return ended && refusalOf(ended)
  }
}

interface AboutStream {
  readonly stream: StreamPath
}

function misuse(message: string): InturnError {
  return new InturnError('invariant-violated', message)
}
