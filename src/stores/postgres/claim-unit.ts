// A unit of work with claims that have a time, and no open transaction: handlers may take their time and
// reach anywhere. Each commit is a transaction of its own, which holds the claims that the unit still has,
// and refuses the streams of the others. Upholds I5.
import type { StreamPath } from '../../core/stream-path.ts'
import type { Commit, CommitOutcome } from '../../ports/store.ts'
import type { BegunUnit, ClaimParts, UnitReads } from '../../storage/unit-of-work.ts'
import { prepareCommit } from './apply-commit.ts'
import type { Beginning, PostgresUnitParts } from './begin-unit.ts'
import { beginUnit, unitReads } from './begin-unit.ts'
import { lockClaims, releaseClaims, renewClaims } from './claims.ts'
import type { ClaimsOf } from './claims.ts'
import { newlyWaiting } from './inbox.ts'

const none: readonly StreamPath[] = []

/** A unit of work with claims. */
export class ClaimUnit implements ClaimParts {
  readonly begun: BegunUnit
  readonly reads: UnitReads
  /** It is time to fold what is counted of the consumer's domains. */
  readonly isLoose: boolean
  readonly #parts: PostgresUnitParts
  readonly #fence: number
  /** Streams that the unit has done with: their claims were released with their commits. */
  readonly #released = new Set<StreamPath>()

  /** Claims what is free. */
  static async begin(parts: PostgresUnitParts): Promise<ClaimUnit> {
    const [beginning] = await parts.connection.writeAndLook(
      (statements) => beginUnit(statements, parts),
      async () => undefined,
    )
    return new ClaimUnit(parts, beginning)
  }

  private constructor(parts: PostgresUnitParts, { begun, fence, isLoose }: Beginning) {
    const { connection } = parts
    this.begun = begun
    this.reads = unitReads({ run: (sql, ...values) => connection.read(sql, ...values) }, parts)
    this.isLoose = isLoose
    this.#parts = parts
    this.#fence = fence
  }

  async commit(commit: Commit): Promise<readonly CommitOutcome[]> {
    const { consumer, connection } = this.#parts
    const fence = this.#fence
    const write = prepareCommit(commit, { consumer, fence, shiftMs: connection.shiftMs() })
    const streams = commit.streams.map(({ stream }) => stream)
    const [outcomes, ended] = await connection.write(async (statements) => {
      const touched = [...new Set([...streams, ...(commit.ended ?? [])])]
      const own: ReadonlySet<StreamPath> =
        touched.length === 0 ? new Set() : await lockClaims(statements, this.#claims(touched))
      const isRefused = (stream: StreamPath): boolean => !own.has(stream)
      const ending = (commit.ended ?? []).filter((stream) => !isRefused(stream))
      await Promise.all([
        write(statements, isRefused),
        ending.length > 0 ? releaseClaims(statements, this.#claims(ending)) : none,
      ])
      const found = streams.map((stream): CommitOutcome => (isRefused(stream) ? 'claim-lost' : 'committed'))
      return [found, ending] as const
    })
    for (const stream of ended) this.#released.add(stream)
    return outcomes
  }

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

  async release(): Promise<readonly StreamPath[]> {
    const { consumer, connection } = this.#parts
    const won = new Set(this.begun.streams.keys())
    if (won.size === 0) return []
    const [released, waiting = []] = await connection.writeAndLook(
      (statements) => releaseClaims(statements, this.#claims(this.#held())),
      (statements) => newlyWaiting(statements, consumer, won),
    )
    const own = new Set([...released, ...this.#released])
    return waiting.filter((stream) => own.has(stream))
  }

  #held(): readonly StreamPath[] {
    return [...this.begun.streams.keys()].filter((stream) => !this.#released.has(stream))
  }

  #claims(streams: readonly StreamPath[]): ClaimsOf {
    return { consumer: this.#parts.consumer, streams, fence: this.#fence }
  }
}
