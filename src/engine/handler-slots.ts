// Bounds how many handlers of an engine run side by side, and lets one run while no other does: what has
// ended a process before is tried alone. Upholds I7.

/** The places of running handlers. */
export class HandlerSlots {
  readonly #max: number
  /** Is told when nobody waits for a place any more. */
  readonly #hasRoom: () => void
  #running = 0
  readonly #waiting: (() => void)[] = []
  /** Whoever waits to run alone goes before all that have not begun. */
  readonly #alone: (() => void)[] = []
  #isAlone = false

  constructor(max: number, hasRoom: () => void) {
    this.#max = max
    this.#hasRoom = hasRoom
  }

  /** Whether anybody waits for a place. */
  get isFull(): boolean {
    return this.#waiting.length > 0 || this.#alone.length > 0
  }

  /** Whether no place is taken. */
  get isIdle(): boolean {
    return this.#running === 0 && !this.#isAlone
  }

  /** Takes a place if there is one now. */
  tryEnter(): boolean {
    if (this.#isAlone || this.#alone.length > 0 || this.#running >= this.#max) return false
    this.#running++
    return true
  }

  /** Takes a place as soon as there is one. */
  async enter(): Promise<void> {
    if (this.tryEnter()) return
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** Gives a place back. */
  leave(): void {
    this.#running--
    if (this.#waiting.length > 0 || this.#alone.length > 0) this.#next()
  }

  /** Runs something in a place. */
  async within<Result>(run: () => Promise<Result>): Promise<Result> {
    await this.enter()
    try {
      return await run()
    } finally {
      this.leave()
    }
  }

  /** Runs something while no place is taken; the others wait. */
  async alone<Result>(run: () => Promise<Result>): Promise<Result> {
    if (this.#running > 0 || this.#isAlone) await new Promise<void>((resolve) => this.#alone.push(resolve))
    this.#isAlone = true
    try {
      return await run()
    } finally {
      this.#isAlone = false
      this.#next()
      if (!this.isFull) this.#hasRoom()
    }
  }

  #next(): void {
    if (this.#isAlone) return
    if (this.#alone.length > 0) {
      if (this.#running > 0) return
      this.#isAlone = true
      this.#alone.shift()?.()
      return
    }
    while (this.#running < this.#max) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      this.#running++
      next()
      if (this.#waiting.length === 0) this.#hasRoom()
    }
  }
}
