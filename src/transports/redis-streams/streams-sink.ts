// A Redis stream as a sink: messages are added in their order. What goes to one stream is one script call, or
// one after another where it is much, so that a lost connection never leaves a hole. Upholds I1.
import { InturnError } from '../../core/errors.ts'
import { orAborted, requestsOf, SendsUnderWay } from '../../ports/sending.ts'
import type { SendOptions, Sink, SinkMessage } from '../../ports/sink.ts'
import type { Connection } from '../../redis/connection.ts'
import { lua, plainScript } from '../../redis/lua-script.ts'

/** What a sink is made of. */
export interface StreamsSinkParts {
  readonly name: string
  readonly connection: Connection
  readonly streamOf: (message: SinkMessage) => string
}

const add = plainScript(lua`
  -- Adds messages to a stream, in their order. One script and no pipeline: whatever happens to the
  -- connection, all of them are added or none, so nobody ever sees one without those before it. KEYS: the
  -- stream.
  for index = 1, #ARGV do redis.call('XADD', KEYS[1], '*', 'data', ARGV[index]) end
  return #ARGV
`)
/** A call has at most so many messages, and ends with the one that brings it above so many bytes. */
const callLimits = { messagesMax: 1_000, bytesMax: 1024 * 1024 }

/** The sink itself; made by `redisStreamsSink`. */
export class StreamsSink implements Sink {
  readonly name: string
  readonly #parts: StreamsSinkParts
  readonly #underWay = new SendsUnderWay()
  #isOpen = false

  constructor(parts: StreamsSinkParts) {
    this.name = parts.name
    this.#parts = parts
  }

  async open(): Promise<void> {
    const { connection } = this.#parts
    await connection.open()
    try {
      await connection.send(undefined, ['PING'])
    } catch (error) {
      connection.close()
      throw error
    }
    this.#isOpen = true
  }

  send(messages: readonly SinkMessage[], { signal }: SendOptions): Promise<void> {
    if (!this.#isOpen) return Promise.reject(this.#unavailable('it is not open', false))
    return this.#underWay.add(this.#send(messages, signal))
  }

  async close(): Promise<void> {
    this.#isOpen = false
    await this.#underWay.ended()
    this.#parts.connection.close()
  }

  /** Every stream is tried, also where another one fails: what the list has of it is sent again anyway. */
  async #send(messages: readonly SinkMessage[], signal: AbortSignal): Promise<void> {
    const streams = Map.groupBy(messages, this.#parts.streamOf)
    const sends = [...streams].map(([stream, own]) => this.#sendTo(stream, own, signal))
    const failed = (await Promise.allSettled(sends)).find((end) => end.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  async #sendTo(stream: string, messages: readonly SinkMessage[], signal: AbortSignal): Promise<void> {
    if (stream === '') throw this.#unavailable('streamOf named no stream', false)
    for (const call of requestsOf(messages, callLimits)) {
      if (signal.aborted) throw this.#unavailable('the send was given up', true)
      const texts = call.map(({ json }) => json)
      await orAborted(this.#parts.connection.call(add, stream, texts), signal)
    }
    if (signal.aborted) throw this.#unavailable('the send was given up', true)
  }

  #unavailable(because: string, retryable: boolean): InturnError {
    return new InturnError('sink-unavailable', `${this.name}: ${because}`, { retryable })
  }
}
