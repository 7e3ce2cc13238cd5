// Commits the turns of one unit of work together as they end: while one commit is under way, what ends
// meanwhile waits for the next, so that many streams cost few round trips and none waits for the slowest.
import type { EffectPartial } from '../ports/commit-commands.ts'
import type { CommitOutcome, UnitOfWork } from '../ports/store.ts'
import type { PlannedTurn } from './plan-turns.ts'
import { effectBytesMax } from './turn-effects.ts'

/** What a commit comes to, once the commands of its turn have ended. */
export type TurnOutcome = Exclude<CommitOutcome, EffectPartial>

/** What a commit depends on. */
export interface CommitHooks {
  /** Whether the unit of work has done with the turn's stream once it is committed. */
  readonly isLast: (planned: PlannedTurn) => boolean
  /** A command of a turn failed: stops the turn in front of it. The turn is committed once more then. */
  readonly stop: (planned: PlannedTurn, partial: EffectPartial) => Promise<void>
}

interface Waiting {
  readonly planned: PlannedTurn
  readonly resolve: (outcome: TurnOutcome) => void
  readonly reject: (error: unknown) => void
}

/** Gathers the commits of turns. */
export class GroupCommit {
  readonly #unit: UnitOfWork
  readonly #hooks: CommitHooks
  #waiting: Waiting[] = []
  #isRunning = false

  constructor(unit: UnitOfWork, hooks: CommitHooks) {
    this.#unit = unit
    this.#hooks = hooks
  }

  /** Commits a turn that has ended with the next group; what it came to. */
  commit(planned: PlannedTurn): Promise<TurnOutcome> {
    const { promise, resolve, reject } = Promise.withResolvers<TurnOutcome>()
    this.#waiting.push({ planned, resolve, reject })
    if (!this.#isRunning) {
      this.#isRunning = true
      queueMicrotask(() => void this.#run())
    }
    return promise
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup()
      try {
        await this.#commit(group)
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    this.#isRunning = false
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    const turns = group.map(({ planned }) => planned)
    const outcomes = await this.#unit.commit({
      streams: turns.map(({ turn }) => turn.change()),
      ended: turns.filter((planned) => this.#hooks.isLast(planned)).map(({ visit }) => visit.path),
    })
    for (const [index, waiting] of group.entries()) {
      const outcome = outcomes[index] ?? 'claim-lost'
      if (typeof outcome === 'string') waiting.resolve(outcome)
      else {
        await this.#hooks.stop(waiting.planned, outcome)
        this.#waiting.push(waiting)
      }
    }
  }

  /** What waits, as far as one commit may carry it out. */
  #takeGroup(): readonly Waiting[] {
    let bytes = 0
    const full = this.#waiting.findIndex(
      ({ planned }) => (bytes += planned.turn.effects.bytes) >= effectBytesMax,
    )
    const group = full === -1 ? this.#waiting : this.#waiting.slice(0, full + 1)
    this.#waiting = this.#waiting.slice(group.length)
    return group
  }
}
