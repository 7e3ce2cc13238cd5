// Careful deliveries with `effects: 'transaction'`: nothing of a transaction that dies is left, so an attempt
// is marked by a transaction of its own, and run by the next one, which marks the next event with its commit.
// One stream after the other: what is marked is alone. Upholds I2 and I7.
import type { StreamPath } from '../core/stream-path.ts'
import { takeCare } from './careful-turns.ts'
import type { EngineParts } from './engine-parts.ts'
import type { PlannedTurn } from './plan-turns.ts'
import { planTurns } from './plan-turns.ts'
import type { TransactionRequest, TransactionResult, TurnsInTransaction } from './turns-in-transaction.ts'

/** Works on streams of which a handler may end the process. */
export class CarefulTransactions {
  readonly #parts: EngineParts
  readonly #turns: TurnsInTransaction

  constructor(parts: EngineParts, turns: TurnsInTransaction) {
    this.#parts = parts
    this.#turns = turns
  }

  /** Works one stream off, a transaction for each step, for as long as it gets on. */
  async run(request: TransactionRequest): Promise<TransactionResult> {
    const done: PlannedTurn[] = []
    const again: StreamPath[] = []
    const [visit] = request.visits
    if (visit === undefined) return { done, busy: [], again }
    for (let next: TransactionRequest | undefined = request; next !== undefined;) {
      const step: TransactionRequest = next
      const worked = await this.#turns.transact(step, async (unit, { failures }) => {
        const startedMs = this.#parts.timers.elapsedMs()
        const planned = await planTurns(this.#parts, unit, step)
        for (const one of planned) {
          const { isWary } = this.#parts.wariness
          await takeCare(this.#parts, unit, { turn: one.turn, plan: { care: step.care, isWary, sinceMs: 0 } })
          await this.#turns.deliver(unit, one, { failures, startedMs })
        }
        await this.#turns.commit(unit, planned)
        return planned
      })
      const [planned] = worked.value
      again.push(...worked.again)
      if (planned === undefined) return { done, busy: done.length === 0 ? request.visits : [], again }
      done.push({ ...planned, visit, isFirst: done.length === 0 })
      const { turn } = planned
      if (turn.setup.runsMarked) this.#parts.wariness.made()
      const goesOn = turn.failure === undefined && (turn.mark !== undefined || turn.canGoOn())
      next = goesOn ? { ...request, takenOver: none, visits: [{ ...visit, arrivals: [] }] } : undefined
    }
    return { done, busy: [], again }
  }
}

const none: ReadonlySet<StreamPath> = new Set()
