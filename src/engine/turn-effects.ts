// The commands that the handlers of one turn have given for its commit; and what an earlier commit of the
// stream has carried out without moving its position, because a command behind it failed. Upholds I2: a
// handler whose commands had their effect is not called again.
import type { Position } from '../core/sequence.ts'
import type { EffectPartial, EffectStep, Recorded } from '../ports/commit-commands.ts'
import type { StreamChange } from '../ports/store.ts'

/**
 * From here on a turn, and a commit of several, ends where it is: a script that runs for long keeps the whole
 * server waiting.
 */
export const effectBytesMax: number = 4 * 2 ** 20

/** What the commit of a turn is to carry out. */
export class TurnEffects {
  #steps: EffectStep[] | undefined
  #bytes = 0
  #done: ReadonlySet<string> | undefined
  #settles = false

  /** Whether a commit has nothing to carry out, and nothing to forget. */
  get isEmpty(): boolean {
    return this.#steps === undefined && !this.#settles
  }

  /** How much it is to send. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether the turn should end before its next delivery. */
  get isFull(): boolean {
    return this.#bytes >= effectBytesMax
  }

  /** Takes in what a handler has given for one event, or for several in one call. */
  add(events: readonly Position[], { commands, bytes }: Recorded): void {
    this.#steps ??= []
    const places: Position[] = []
    for (const { epoch, sequence } of events) places.push({ epoch, sequence })
    this.#steps.push({ events: places, commands })
    this.#bytes += bytes
  }

  /** Whether events had their effect in a commit that has not moved the position over them. */
  get hasDone(): boolean {
    return this.#done !== undefined && this.#done.size > 0
  }

  /** Whether an event had its effect in such a commit. */
  isDone({ epoch, sequence }: Position): boolean {
    return this.#done !== undefined && this.#done.has(`${epoch}/${String(sequence)}`)
  }

  /** Takes in what such a commit has carried out; what was recorded since is void. */
  honour({ done }: EffectPartial): void {
    this.#steps = undefined
    this.#bytes = 0
    this.#done = new Set(done)
  }

  /** The turn accounts for what was carried out in part: the store need not keep it any more. */
  settle(): void {
    this.#settles = true
  }

  /** The part of a change. Events whose handlers gave nothing are told too: they are not called again. */
  change(): Pick<StreamChange, 'effects' | 'settlesPartial'> {
    const steps = this.#steps
    const hasEffects = steps?.some(({ commands }) => commands.length > 0) === true
    return {
      ...(hasEffects && { effects: steps }),
      ...(this.#settles && { settlesPartial: true }),
    }
  }
}
