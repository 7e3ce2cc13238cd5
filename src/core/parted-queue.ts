// A queue that is taken from in parts, whose cost does not depend on how much is left. Of what was taken it
// keeps no more than is left, since it may never be empty while a log is read. Upholds I7.

/** Values in the order in which they came. */
export class PartedQueue<Value> {
  #values: Value[]
  /** How many at its front are taken out already. */
  #taken = 0

  /** With values of the caller's, who does not touch them any more. */
  constructor(values: Value[] = []) {
    this.#values = values
  }

  get length(): number {
    return this.#values.length - this.#taken
  }

  /** The first one, which stays. */
  get first(): Value | undefined {
    return this.#values[this.#taken]
  }

  /** Puts a value behind all others; how many there are then. */
  push(value: Value): number {
    return this.#values.push(value) - this.#taken
  }

  /** Takes the first values out, at most so many. */
  take(max: number = Infinity): readonly Value[] {
    const { length } = this
    const end = this.#taken + Math.min(max, length)
    const part = this.#taken === 0 && max >= length ? this.#values : this.#values.slice(this.#taken, end)
    this.#taken = end
    // The rest is copied only once more than it was taken out: a value about once.
    if (this.#taken > length - part.length || part === this.#values) {
      this.#values = this.#values.slice(this.#taken)
      this.#taken = 0
    }
    return part
  }

  /** Puts values in front of all others. */
  putBack(values: readonly Value[]): void {
    this.#values = [...values, ...this.take()]
  }
}
