// Commits the turns of one unit of work together as they end: while one commit is under way, what ends
// meanwhile waits for the next, so that many streams cost few round trips and none waits for the slowest.
import type { StreamPath } from '../core/stream-path.ts'
import type { EffectPartial } from '../ports/commit-commands.ts'
import type { CommitOutcome, StreamChange, UnitOfWork } from '../ports/store.ts'
import type { PlannedTurn } from './plan-turns.ts'
import { effectBytesMax } from './turn.ts'

/** What a commit comes to, once the commands of its turn have ended. */
export type TurnOutcome = Exclude<CommitOutcome, EffectPartial>

/** What a commit depends on. */
export interface CommitHooks {
  /** Whether the unit of work has done with the turn's stream once it is committed. */
  readonly isLast: (planned: PlannedTurn) => boolean
  /** A command of a turn failed: stops the turn in front of it. The turn is committed once more then. */
  readonly stop: (planned: PlannedTurn, partial: EffectPartial) => Promise<void>
}

/** Who is told what became of a commit, before any other commit is made. */
export interface CommitEnd {
  readonly resolve: (outcome: TurnOutcome, planned: PlannedTurn) => void
  readonly reject: (error: unknown, planned: PlannedTurn) => void
}

interface Waiting {
  readonly planned: PlannedTurn
  readonly end: CommitEnd
}

/** Gathers the commits of turns. */
export class GroupCommit {
  readonly #unit: UnitOfWork
  readonly #hooks: CommitHooks
  #waiting: Waiting[] = []
  #running: Promise<void> | undefined

  constructor(unit: UnitOfWork, hooks: CommitHooks) {
    this.#unit = unit
    this.#hooks = hooks
  }

  /** Commits a turn that has ended with the next group. */
  add(planned: PlannedTurn, end: CommitEnd): void {
    this.#waiting.push({ planned, end })
    this.#running ??= this.#run()
  }

  /** Resolves once no commit is under way. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    // What ends in the same step is of the same group.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup()
      try {
        await this.#commit(group)
      } catch (error) {
        for (const { planned, end } of group) end.reject(error, planned)
      }
    }
    this.#running = undefined
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    const streams: StreamChange[] = []
    const ended: StreamPath[] = []
    for (const { planned } of group) {
      const { turn, visit } = planned
      streams.push(turn.change())
      if (turn.isPlain || this.#hooks.isLast(planned)) ended.push(visit.path)
    }
    const outcomes = await this.#unit.commit({ streams, ended })
    for (let at = 0; at < group.length; at++) {
      const waiting = group[at]
      const outcome = outcomes[at] ?? 'claim-lost'
      if (waiting === undefined) continue
      if (typeof outcome === 'string') waiting.end.resolve(outcome, waiting.planned)
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
