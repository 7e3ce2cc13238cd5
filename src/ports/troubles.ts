// What goes wrong for a while, for people: told once, again ever more seldom while it lasts, at once where it
// has another reason, and once when it is over. What comes and goes is told no more often than what stays.
// Upholds I7.

/** So many reasons of one trouble are told as soon as they are there. */
const reasonsMax = 5

interface Trouble {
  readonly reasons: Set<string>
  /** It has been told, and not that it is over. */
  isTold: boolean
  everyMs: number
  nextMs: number
}

/** How troubles are told. */
export interface TroublesParts<Said> {
  readonly tell: (said: Said) => void
  /** Until what lasts is told again, in milliseconds: at first. Each time it is twice as long. */
  readonly againMs: number
  /** The same at most. */
  readonly againMsMax: number
  readonly elapsedMs: () => number
}

/** Tells troubles. */
export class Troubles<Said> {
  readonly #parts: TroublesParts<Said>
  readonly #known = new Map<string, Trouble>()

  constructor(parts: TroublesParts<Said>) {
    this.#parts = parts
  }

  /** Something goes wrong, or still does. `reason` tells one trouble of it from another. */
  has(what: string, reason: string, said: Said): void {
    const nowMs = this.#parts.elapsedMs()
    const trouble = this.#of(what, nowMs)
    const isNew = !trouble.reasons.has(reason) && trouble.reasons.size < reasonsMax
    if (!isNew && nowMs < trouble.nextMs) return
    if (nowMs >= trouble.nextMs) {
      trouble.nextMs = nowMs + trouble.everyMs
      trouble.everyMs = Math.min(this.#parts.againMsMax, trouble.everyMs * 2)
    }
    if (isNew) trouble.reasons.add(reason)
    trouble.isTold = true
    this.#parts.tell(said)
  }

  /** It is over, where it was told. */
  over(what: string, said: Said): void {
    const trouble = this.#known.get(what)
    if (trouble?.isTold !== true) return
    trouble.isTold = false
    this.#parts.tell(said)
  }

  /** All of it is over, and somebody has said so: what comes now begins anew. */
  forget(): void {
    this.#known.clear()
  }

  /** What was over for long begins anew. */
  #of(what: string, nowMs: number): Trouble {
    const known = this.#known.get(what)
    if (known !== undefined && (known.isTold || nowMs < known.nextMs)) return known
    const trouble = { reasons: new Set<string>(), isTold: false, everyMs: this.#parts.againMs, nextMs: nowMs }
    this.#known.set(what, trouble)
    return trouble
  }
}
