// One sink for all shards of a relay: open while one of them sends, closed when none does, so that a relay
// that only stands by never touches the place where another one is writing.
import { InturnError } from '../../core/errors.ts'
import type { Sink } from '../../ports/sink.ts'

/** Opens and closes a sink for those who use it together. */
export class SharedSink {
  readonly #sink: Sink
  #users = 0
  #turn: Promise<unknown> = Promise.resolve()

  constructor(sink: Sink) {
    this.#sink = sink
  }

  /** Runs something with the open sink. */
  async use<Result>(run: (sink: Sink) => Promise<Result>): Promise<Result> {
    await this.#inTurn(async () => {
      if (this.#users === 0) await this.#sink.open()
      this.#users++
    })
    try {
      return await run(this.#sink)
    } finally {
      await this.#inTurn(async () => {
        this.#users--
        if (this.#users === 0) await this.#sink.close().catch(leftClosed)
      })
    }
  }

  #inTurn<Result>(run: () => Promise<Result>): Promise<Result> {
    const turn = this.#turn.then(run)
    this.#turn = turn.catch(() => undefined)
    return turn
  }
}

/** What was sent is durable already, so a sink that cannot be closed loses nothing. */
function leftClosed(error: unknown): undefined {
  if (error instanceof InturnError) return undefined
  throw error
}
