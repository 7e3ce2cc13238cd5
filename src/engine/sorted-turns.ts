// Sorts the turns of a transaction by what quarantine asks of them. Whatever a worker may have died of is
// never in one transaction with what is not known to the store: that would be blamed on the wrong event.
import type { StreamVisit } from './lanes.ts'
import type { PlannedTurn } from './plan-turns.ts'
import { mayBeDeadly, needsQuarantine } from './quarantine.ts'

/** Streams that a transaction leaves, by what comes next for them. */
export interface LeftStreams {
  /** Attempts at their events have begun: the next transaction makes them. */
  readonly begun: StreamVisit[]
  /** They wait for a later transaction. */
  readonly waiting: StreamVisit[]
  /** They have to be tried alone; or, while others are, need not be. */
  readonly apart: StreamVisit[]
}

/** The turns of a transaction. */
export class SortedTurns {
  /** They run now. */
  running: readonly PlannedTurn[] = []
  /** Attempts at their events have to begin first. */
  readonly beginning: PlannedTurn[] = []
  readonly left: LeftStreams = { begun: [], waiting: [], apart: [] }
  readonly #isForAll: boolean
  readonly #isAlone: boolean
  /** What was begun runs, and nothing beside it. */
  readonly #hasBegun: boolean
  /** Nothing is asked of turns that are plain. */
  readonly #runsPlain: boolean

  constructor(
    turns: readonly PlannedTurn[],
    { isForAll, isAlone }: { readonly isForAll: boolean; readonly isAlone: boolean },
  ) {
    this.#isForAll = isForAll
    this.#isAlone = isAlone
    this.#hasBegun = turns.some(({ turn }) => turn.setup.begun > 0)
    this.#runsPlain = !isForAll && !isAlone && !this.#hasBegun
    this.take(turns)
  }

  /** Sorts turns that follow those that ran. */
  take(turns: readonly PlannedTurn[]): void {
    const running: PlannedTurn[] = []
    for (const planned of turns) {
      const { turn, visit } = planned
      if ((this.#runsPlain && turn.isPlain) || turn.setup.begun > 0) running.push(planned)
      else if (mayBeDeadly(turn) !== this.#isAlone) this.left.apart.push(visit)
      else if (needsQuarantine(turn, this.#isForAll)) this.beginning.push(planned)
      else if (this.#hasBegun && turn.deliveries.length > 0) this.left.waiting.push(visit)
      else running.push(planned)
    }
    this.running = running
  }
}
