// A unit of work with claims that have a time, and no open transaction: handlers may take their time and
// reach anywhere. Each commit is a transaction of its own, which holds the claims that the unit still has,
// and refuses the streams of the others. Upholds I5.
import { InturnError, invariant } from '../../core/errors.ts'
import type { StreamPath } from '../../core/stream-path.ts'
import type { Clock } from '../../core/stream-state.ts'
import type { DomainStatus } from '../../ports/domain-status.ts'
import type { HeldEvent, HeldRange, InboxPage, StoredEntry } from '../../ports/records.ts'
import type { Commit, CommitOutcome, UnitOfWork, WonStream } from '../../ports/store.ts'
import { prepareCommit } from './apply-commit.ts'
import type { BegunUnit, UnitParts } from './begin-unit.ts'
import { beginUnit } from './begin-unit.ts'
import { lockClaims, releaseClaims, renewClaims } from './claims.ts'
import type { ClaimsOf } from './claims.ts'
import { readHeld } from './held.ts'
import { newlyWaiting, readPages } from './inbox.ts'
import { findIds } from './processed-ids.ts'
import type { Statements } from './schema.ts'

/** A unit of work with claims. */
export class ClaimUnit implements UnitOfWork<never> {
  readonly clock: Clock
  readonly streams: ReadonlyMap<StreamPath, WonStream>
  readonly busy: readonly StreamPath[]
  readonly domains: ReadonlyMap<string, DomainStatus>
  readonly transaction: undefined
  readonly isUndone = false
  readonly fault: undefined
  readonly #parts: UnitParts
  readonly #begun: BegunUnit
  readonly #reads: Statements
  readonly #abort = new AbortController()
  /** Streams that the unit has done with: their claims were released with their commits. */
  readonly #released = new Set<StreamPath>()
  #isEnded = false

  /** Claims what is free. */
  static async begin(parts: UnitParts): Promise<ClaimUnit> {
    const [begun] = await parts.connection.writeAndLook(
      (statements) => beginUnit(statements, parts),
      async () => undefined,
    )
    return new ClaimUnit(parts, begun)
  }

  private constructor(parts: UnitParts, begun: BegunUnit) {
    this.#parts = parts
    this.#begun = begun
    const { clock, streams, busy, domains } = begun
    this.clock = clock
    this.streams = streams
    this.busy = busy
    this.domains = domains.byName
    const { connection } = parts
    this.#reads = { run: (sql, ...values) => connection.read(sql, ...values) }
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** It is time to fold what is counted of the consumer's domains. */
  get isLoose(): boolean {
    return this.#begun.domains.isLoose
  }

  /** Fires the signal: a claim is lost. */
  abort(): void {
    this.#abort.abort()
  }

  async held(ranges: readonly HeldRange[]): Promise<readonly HeldEvent[]> {
    this.#checkUsable()
    for (const { stream } of ranges) this.#checkWon(stream)
    return readHeld(this.#reads, this.#parts.consumer, ranges)
  }

  async inbox(pages: readonly InboxPage[]): Promise<readonly StoredEntry[]> {
    this.#checkUsable()
    for (const { stream } of pages) this.#checkWon(stream)
    return readPages(this.#reads, this.#parts.consumer, pages)
  }

  async knownIds(domain: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
    this.#checkUsable()
    const { consumer, connection } = this.#parts
    return findIds(this.#reads, consumer, { domain, ids, shiftMs: connection.shiftMs() })
  }

  async commit(commit: Commit): Promise<readonly CommitOutcome[]> {
    this.#checkUsable()
    for (const { stream } of commit.streams) this.#checkWon(stream)
    const { consumer, connection } = this.#parts
    const { fence } = this.#begun
    const write = prepareCommit(commit, { consumer, fence, shiftMs: connection.shiftMs() })
    const streams = commit.streams.map(({ stream }) => stream)
    const [outcomes, ended] = await connection.write(async (statements) => {
      const touched = [...new Set([...streams, ...(commit.ended ?? [])])]
      const own: ReadonlySet<StreamPath> =
        touched.length === 0 ? new Set() : await lockClaims(statements, this.#claims(touched))
      const isRefused = (stream: StreamPath): boolean => !own.has(stream)
      const ending = (commit.ended ?? []).filter((stream) => !isRefused(stream))
      const written = write(statements, isRefused)
      if (ending.length > 0) await releaseClaims(statements, this.#claims(ending))
      await written
      const found = streams.map((stream): CommitOutcome => (isRefused(stream) ? 'claim-lost' : 'committed'))
      return [found, ending] as const
    })
    for (const stream of ended) this.#released.add(stream)
    return outcomes
  }

  async savepoint<Result>(): Promise<Result> {
    throw new InturnError(
      'invariant-violated',
      'a savepoint was asked of a unit of work without a transaction',
    )
  }

  /** Renews the claims; `false` when one is lost. */
  async renew(): Promise<boolean> {
    const { connection, request } = this.#parts
    const streams = this.#held()
    if (streams.length === 0) return true
    const laterMs = connection.shiftMs() + request.claimMs
    const renewed = await connection.write((statements) =>
      renewClaims(statements, this.#claims(streams), laterMs),
    )
    // What was released meanwhile, with its commit, is not lost.
    return renewed >= streams.length || renewed >= this.#held().length
  }

  /** Releases the claims, and says which of the streams have entries that were not looked at. */
  async end(): Promise<readonly StreamPath[]> {
    this.#isEnded = true
    const { consumer, connection } = this.#parts
    const won = new Set(this.streams.keys())
    if (won.size === 0) return []
    const [released, waiting = []] = await connection.writeAndLook(
      (statements) => releaseClaims(statements, this.#claims(this.#held())),
      (statements) => newlyWaiting(statements, consumer, won),
    )
    const own = new Set([...released, ...this.#released])
    return waiting.filter((stream) => own.has(stream))
  }

  #held(): readonly StreamPath[] {
    return [...this.streams.keys()].filter((stream) => !this.#released.has(stream))
  }

  #claims(streams: readonly StreamPath[]): ClaimsOf {
    return { consumer: this.#parts.consumer, streams, fence: this.#begun.fence }
  }

  #checkWon(stream: StreamPath): void {
    const isWon = this.streams.has(stream)
    invariant(isWon, `${stream} was used in a unit of work that has not won it`)
  }

  #checkUsable(): void {
    invariant(!this.#isEnded, 'a unit of work was used after its end')
  }
}
