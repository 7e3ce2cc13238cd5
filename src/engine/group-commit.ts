// Commits the turns of one unit of work together as they end: while one commit is under way, what ends
// meanwhile waits for the next, so that many streams cost few round trips and none waits for the slowest.
import type { EffectPartial } from '../ports/commit-commands.ts'
import type { CommitOutcome, UnitOfWork } from '../ports/store.ts'
import type { PlannedTurn } from './plan-turns.ts'
import { effectBytesMax } from './turn-effects.ts'

/** What becomes of committed turns. */
export interface CommitTakers {
  /** Whether the unit of work has done with the turn's stream once it is committed. */
  readonly isLast: (planned: PlannedTurn) => boolean
  /** Is called for each turn, in the order in which they were committed. */
  readonly ended: (planned: PlannedTurn, outcome: Exclude<CommitOutcome, EffectPartial>) => void
  /** A command of a turn failed: stops the turn in front of it. The turn is committed once more then. */
  readonly stop: (planned: PlannedTurn, partial: EffectPartial) => Promise<void>
}

/** Gathers the commits of turns. */
export class GroupCommit {
  readonly #unit: UnitOfWork
  readonly #takers: CommitTakers
  #waiting: PlannedTurn[] = []
  #running: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(unit: UnitOfWork, takers: CommitTakers) {
    this.#unit = unit
    this.#takers = takers
  }

  /** Adds a turn that has ended to the next commit. */
  add(planned: PlannedTurn): void {
    this.#waiting.push(planned)
    this.#running ??= Promise.resolve().then(() => this.#run())
  }

  /** Resolves once everything that was added is durable; rejects as the first commit that failed did. */
  async flush(): Promise<void> {
    while (this.#running !== undefined) await this.#running
    if (this.#failure !== undefined) throw this.#failure.error
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 && this.#failure === undefined) {
      try {
        await this.#commit(this.#takeGroup())
      } catch (error) {
        this.#failure = { error }
      }
    }
    this.#running = undefined
  }

  async #commit(group: readonly PlannedTurn[]): Promise<void> {
    const outcomes = await this.#unit.commit({
      streams: group.map(({ turn }) => turn.change()),
      ended: group.filter((planned) => this.#takers.isLast(planned)).map(({ batch }) => batch.path),
    })
    for (const [index, planned] of group.entries()) {
      const outcome = outcomes[index] ?? 'claim-lost'
      if (typeof outcome === 'string') {
        this.#takers.ended(planned, outcome)
        continue
      }
      await this.#takers.stop(planned, outcome)
      this.#waiting.push(planned)
    }
  }

  /** What waits, as far as one commit may carry it out. */
  #takeGroup(): readonly PlannedTurn[] {
    let bytes = 0
    const full = this.#waiting.findIndex(({ turn }) => (bytes += turn.effects.bytes) >= effectBytesMax)
    const group = full === -1 ? this.#waiting : this.#waiting.slice(0, full + 1)
    this.#waiting = this.#waiting.slice(group.length)
    return group
  }
}
