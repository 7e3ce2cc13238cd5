// What goes wrong with a part of a source while the rest goes on, for people: told once, again ever more
// seldom while it lasts, at once where it has another reason, and once when it is over. What comes and goes
// is told no more often than what stays. Upholds I7.
import { systemTimers } from '../../ports/timers.ts'

/** Until what lasts is told again: at first, and at most; in milliseconds. */
const [againMs, againMsMax] = [60_000, 300_000]
/** So many reasons of one trouble are told as soon as they are there. */
const reasonsMax = 5

interface Trouble {
  readonly reasons: Set<string>
  /** It has been told, and not that it is over. */
  isTold: boolean
  everyMs: number
  nextMs: number
}

/** Tells the troubles of one source. */
export class Troubles {
  readonly #tell: (message: string) => void
  readonly #elapsedMs: () => number
  readonly #known = new Map<string, Trouble>()

  constructor(tell: (message: string) => void, elapsedMs: () => number = () => systemTimers.elapsedMs()) {
    this.#tell = tell
    this.#elapsedMs = elapsedMs
  }

  /** Something goes wrong, or still does. `reason` tells one trouble of it from another. */
  has(what: string, reason: string, message: string): void {
    const nowMs = this.#elapsedMs()
    const trouble = this.#of(what, nowMs)
    const isNew = !trouble.reasons.has(reason) && trouble.reasons.size < reasonsMax
    if (!isNew && nowMs < trouble.nextMs) return
    if (nowMs >= trouble.nextMs) {
      trouble.nextMs = nowMs + trouble.everyMs
      trouble.everyMs = Math.min(againMsMax, trouble.everyMs * 2)
    }
    if (isNew) trouble.reasons.add(reason)
    trouble.isTold = true
    this.#tell(message)
  }

  /** It is over, if there was any. */
  over(what: string, message: string): void {
    const trouble = this.#known.get(what)
    if (trouble?.isTold !== true) return
    trouble.isTold = false
    this.#tell(message)
  }

  /** What was over for long begins anew. */
  #of(what: string, nowMs: number): Trouble {
    const known = this.#known.get(what)
    if (known !== undefined && (known.isTold || nowMs < known.nextMs)) return known
    const trouble = { reasons: new Set<string>(), isTold: false, everyMs: againMs, nextMs: nowMs }
    this.#known.set(what, trouble)
    return trouble
  }
}
