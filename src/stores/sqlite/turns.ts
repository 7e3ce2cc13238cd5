// Takes turns: whoever asks waits until all who asked before are done. One connection has one transaction
// at a time, and waiting for our own must not stop the event loop.

/** A queue of turns. */
export class Turns {
  #last: Promise<undefined> = Promise.resolve(undefined)

  /** Waits for its turn, runs, and lets the next one go on. */
  async run<Result>(body: () => Promise<Result>): Promise<Result> {
    const before = this.#last
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.#last = promise
    try {
      await before
      return await body()
    } finally {
      resolve(undefined)
    }
  }
}
