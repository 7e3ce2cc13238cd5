// How wary an engine is of its handlers: once a worker of the consumer has died, with nothing left to tell
// what it was at, the next deliveries in transactions are made with care. Upholds I7.

/** The careful deliveries that an engine has still to make in transactions. */
export class Wariness {
  readonly #deliveries: number
  #left = 0

  /** `deliveries`: how many follow a death. */
  constructor(deliveries: number) {
    this.#deliveries = deliveries
  }

  get isWary(): boolean {
    return this.#left > 0
  }

  /** Workers have died. */
  rouse(): void {
    this.#left = this.#deliveries
  }

  /** A careful delivery was made, and nobody has died of it. */
  made(): void {
    this.#left = Math.max(0, this.#left - 1)
  }
}
