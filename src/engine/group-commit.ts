// Commits the turns of one unit of work together as they end: while one commit is under way, what ends
// meanwhile waits for the next, so that many streams cost few round trips and none waits for the slowest.
import type { CommitOutcome, UnitOfWork } from '../ports/store.ts'
import type { PlannedTurn } from './plan-turns.ts'

/** Gathers the commits of turns. */
export class GroupCommit {
  readonly #unit: UnitOfWork
  readonly #committed: (planned: PlannedTurn, outcome: CommitOutcome) => void
  #waiting: PlannedTurn[] = []
  #running: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined

  /** `committed` is called for each turn, in the order in which they were added. */
  constructor(unit: UnitOfWork, committed: (planned: PlannedTurn, outcome: CommitOutcome) => void) {
    this.#unit = unit
    this.#committed = committed
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
      const group = this.#waiting
      this.#waiting = []
      try {
        const outcomes = await this.#unit.commit({ streams: group.map(({ turn }) => turn.change()) })
        group.forEach((planned, index) => this.#committed(planned, outcomes[index] ?? 'claim-lost'))
      } catch (error) {
        this.#failure = { error }
      }
    }
    this.#running = undefined
  }
}
