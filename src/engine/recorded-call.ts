// Records what a handler gives for the commit, from when it first asks for it: what it gave counts once it
// has ended well, and what a failed one gave is void. Upholds I2.
import type { StreamPath } from '../core/stream-path.ts'
import type { CommitCommands, Recorded, Recording } from '../ports/commit-commands.ts'

const nothing: Recorded = { commands: [], bytes: 0 }

/** Records what one call of a handler gives. Most give nothing, and nothing is begun for them. */
export class CallRecorder {
  readonly #all: CommitCommands
  readonly #stream: StreamPath
  #recording: Recording | undefined
  #isOver = false

  constructor(all: CommitCommands, stream: StreamPath) {
    this.#all = all
    this.#stream = stream
  }

  /** What the handler records with; asked for once the call is over, it refuses all. */
  get commands(): unknown {
    this.#recording ??= this.#all.record(this.#stream)
    if (this.#isOver) this.#recording.end()
    return this.#recording.commands
  }

  /** Makes the call; a promise only where the handler has one. Throws, or rejects, as the call does. */
  record(call: () => void | Promise<void>, take: (recorded: Recorded) => void): void | Promise<void> {
    try {
      const called = call()
      if (called === undefined) {
        take(this.#end())
        return undefined
      }
      return called.then(() => take(this.#end())).finally(() => this.#end())
    } catch (error) {
      this.#end()
      throw error
    }
  }

  #end(): Recorded {
    this.#isOver = true
    return this.#recording === undefined ? nothing : this.#recording.end()
  }
}
