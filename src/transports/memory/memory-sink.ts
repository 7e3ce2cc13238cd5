// A sink that hands what it is sent to a source in memory: a topic within one process.
import { InturnError } from '../../core/errors.ts'
import { orAborted } from '../../ports/sending.ts'
import type { SendOptions, Sink, SinkMessage } from '../../ports/sink.ts'
import type { Source } from '../../ports/source.ts'

/** What messages can be pushed into, for example a `memorySource`. */
export interface Pushed extends Pick<Source, 'name'> {
  push(messages: readonly unknown[]): Promise<void>
}

/** The sink itself; made by `memorySink`. */
export class MemorySink implements Sink {
  readonly name: string
  readonly #source: Pushed
  #isOpen = false
  /** Ends with the last send that was begun. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(source: Pushed) {
    this.name = source.name
    this.#source = source
  }

  open(): Promise<void> {
    this.#isOpen = true
    return Promise.resolve()
  }

  send(messages: readonly SinkMessage[], { signal }: SendOptions): Promise<void> {
    if (!this.#isOpen) return Promise.reject(unavailable(`the sink ${this.name} is not open`, false))
    const turn = this.#turn.then(() => this.#push(messages, signal))
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async close(): Promise<void> {
    this.#isOpen = false
    await this.#turn
  }

  /** One after another, so that what waits for room in the source can be given up. */
  async #push(messages: readonly SinkMessage[], signal: AbortSignal): Promise<void> {
    for (const { json } of messages) {
      if (!signal.aborted) await orAborted(this.#source.push([json]), signal)
      if (signal.aborted) throw unavailable(`sending to ${this.name} was given up`, true)
    }
  }
}

function unavailable(message: string, retryable: boolean): InturnError {
  return new InturnError('sink-unavailable', message, { retryable })
}
