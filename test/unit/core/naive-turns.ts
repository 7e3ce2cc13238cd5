// Which turn of its counter a number is of, as slowly and plainly as that can be written: all numbers that it
// may stand for are listed, and it stands for the only one, or for none.

/** What is known of an epoch when a number comes. */
export interface NaiveReach {
  readonly epoch: number
  /** The last number with an account. */
  readonly last: number
  /** Numbers that are held. */
  readonly held: readonly number[]
}

/** The number, or that it lies half a turn away, or the greatest one of several that it may be. */
export type NaivePlace = number | 'half' | { readonly upTo: number }

export class NaiveTurns {
  readonly #modulus: number
  /** The greatest number that was refused, by epoch; infinity where the numbers went too far to follow. */
  readonly #refused: Map<number, number> = new Map<number, number>()

  constructor(modulus: number) {
    this.#modulus = modulus
  }

  place(wire: number, reach: NaiveReach, isOther: (n: number) => boolean): NaivePlace {
    const greatest = this.greatest(reach)
    const half = this.#modulus / 2
    const isWide = greatest - reach.last >= half
    const top = Number.isFinite(greatest) ? greatest : reach.last
    const may = range(reach.last - 3 * this.#modulus, top + this.#modulus).filter((n) => {
      if ((n - wire) % this.#modulus !== 0 || n > top + half) return false
      return n >= top - half || (n > reach.last && isWide)
    })
    const upTo = Math.max(...may)
    if (!Number.isFinite(greatest)) return { upTo }
    if (!isWide) return may.length === 1 ? upTo : 'half'
    const ahead = may.filter((n) => n > reach.last)
    if (upTo === top + half) return { upTo }
    if (ahead.length === 1) return upTo
    return ahead.length === 2 && isOther(Math.min(...ahead)) ? upTo : { upTo }
  }

  /** Whether a number lies half a turn or more beyond what has an account. */
  isFar(n: number, last: number): boolean {
    return n - last >= this.#modulus / 2
  }

  /** A number came that was not taken in. */
  refuse(n: number, reach: NaiveReach): void {
    const greatest = Math.max(n, this.greatest(reach))
    this.#refused.set(reach.epoch, greatest - reach.last >= this.#modulus ? Infinity : greatest)
  }

  greatest({ epoch, last, held }: NaiveReach): number {
    return Math.max(last, ...held, this.#refused.get(epoch) ?? last)
  }

  /** Whether nobody can tell any more where numbers of the epoch belong. */
  isInDoubt(reach: NaiveReach): boolean {
    return this.#refused.has(reach.epoch) && this.greatest(reach) - reach.last >= this.#modulus / 2
  }

  epochs(): number[] {
    return [...this.#refused.keys()].sort((a, b) => a - b)
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index)
}
