// The held lines of one stream in a replay, found by their number and by the number they wait for, so that a
// run of them is walked and never searched for.
import type { HeldIndex } from '../core/held-index.ts'
import type { Outcome } from '../core/outcome.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'

/** An event that is held, with the line it came from. */
export interface HeldLine {
  readonly line: number
  readonly sequence: Sequence
  /** The number that comes before it; `null`: it starts the stream (linked). */
  readonly after: Sequence | null
  readonly print: number
}

interface HeldEpoch {
  readonly bySequence: Map<Sequence, HeldLine>
  readonly byAfter: Map<Sequence | null, HeldLine>
}

/** The held lines of one stream. */
export class HeldLines implements HeldIndex {
  /** Made with the first line: most streams never hold one. */
  #epochs: Map<Epoch, HeldEpoch> | undefined
  /** What the pass itself holds is none of the lines yet: a run that it breaks goes on behind it. */
  own: Outcome['hold'] | undefined

  /** Keeps a line. */
  add(epoch: Epoch, held: HeldLine): void {
    this.#epochs ??= new Map<Epoch, HeldEpoch>()
    let lines = this.#epochs.get(epoch)
    if (lines === undefined) {
      lines = { bySequence: new Map<Sequence, HeldLine>(), byAfter: new Map<Sequence | null, HeldLine>() }
      this.#epochs.set(epoch, lines)
    }
    lines.bySequence.set(held.sequence, held)
    lines.byAfter.set(held.after, held)
  }

  print(epoch: Epoch, sequence: Sequence): number | undefined {
    return this.#epochs?.get(epoch)?.bySequence.get(sequence)?.print
  }

  members(epoch: Epoch, after: Sequence | null, to: Sequence): readonly HeldLine[] {
    let run = this.#runOf(epoch, after, to)
    for (const own of this.own?.values() ?? []) {
      const reached = run.at(-1)?.sequence ?? after
      const isBehind = own.epoch === epoch && (reached === null || own.sequence > reached)
      if (isBehind) run = [...run, ...this.#runOf(epoch, own.sequence, to)]
    }
    return run
  }

  #runOf(epoch: Epoch, after: Sequence | null, to: Sequence): readonly HeldLine[] {
    const lines = this.#epochs?.get(epoch)
    const run: HeldLine[] = []
    let next = lines?.byAfter.get(after)
    while (next !== undefined && next.sequence <= to) {
      run.push(next)
      next = lines?.byAfter.get(next.sequence)
    }
    return run
  }

  /** Takes the line of an event out. */
  take(epoch: Epoch, sequence: Sequence): HeldLine | undefined {
    const lines = this.#epochs?.get(epoch)
    const held = lines?.bySequence.get(sequence)
    if (lines === undefined || held === undefined) return undefined
    lines.bySequence.delete(sequence)
    lines.byAfter.delete(held.after)
    if (lines.bySequence.size === 0) this.#epochs?.delete(epoch)
    return held
  }
}
