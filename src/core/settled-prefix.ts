// Which part of a log is done from its beginning without a hole: all that a log source may forget. What is
// done beyond the first hole is remembered until the hole closes. Upholds I4.

/**
 * Follows places of a log that are read in ascending order and settled in any order. Memory is what lies
 * between the first place that is not settled and the last one that was read.
 */
export class SettledPrefix<Place> {
  #places: (Place | undefined)[] = []
  #isDone: boolean[] = []
  /** The ticket of the first element of both lists. */
  #base = 0
  /** The index in both lists of the first place that is not settled. */
  #head = 0
  #end: Place | undefined

  /** Notes that a place was read. The ticket that comes back settles it. */
  add(place: Place): number {
    this.#places.push(place)
    this.#isDone.push(false)
    return this.#base + this.#places.length - 1
  }

  /** Settles a place; a ticket that is settled already, or unknown, changes nothing. */
  settle(ticket: number): void {
    const index = ticket - this.#base
    if (index < this.#head || index >= this.#places.length) return
    this.#isDone[index] = true
    while (this.#isDone[this.#head] === true) {
      this.#end = this.#places[this.#head]
      this.#places[this.#head] = undefined
      this.#head++
    }
    this.#compact()
  }

  /**
   * The last place up to which everything that was read is settled; `undefined`: not even the first one is.
   */
  get end(): Place | undefined {
    return this.#end
  }

  /** How many places were read and lie behind `end`, settled or not. */
  get pending(): number {
    return this.#places.length - this.#head
  }

  /** What is settled behind the first place that is not: runs of neighbours, by their ends. */
  *runsBeyond(): Generator<{ readonly first: Place; readonly last: Place }, void, undefined> {
    let first: Place | undefined
    let last: Place | undefined
    for (let index = this.#head + 1; index <= this.#places.length; index++) {
      const place = this.#isDone[index] === true ? this.#places[index] : undefined
      if (place === undefined && first !== undefined && last !== undefined) yield { first, last }
      if (place === undefined || first === undefined) first = place
      last = place
    }
  }

  #compact(): void {
    if (this.#head < 1024 || this.#head * 2 < this.#places.length) return
    this.#places = this.#places.slice(this.#head)
    this.#isDone = this.#isDone.slice(this.#head)
    this.#base += this.#head
    this.#head = 0
  }
}
