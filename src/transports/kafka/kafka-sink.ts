// A topic as a sink. Messages of one stream have one key, and so lie in one partition; what goes to a
// partition is one request after another, each carried out whole or not at all, so that whatever happens
// nobody ever sees a message without those before it. Upholds I1.
import type { Producer } from '@platformatic/kafka'
import { InturnError } from '../../core/errors.ts'
import { orAborted, requestsOf, SendsUnderWay } from '../../ports/sending.ts'
import type { SendOptions, Sink, SinkMessage } from '../../ports/sink.ts'
import { asksOthers } from './asks-others.ts'
import { clientIdOf, connectionOf } from './cluster-target.ts'
import type { KafkaTarget } from './cluster-target.ts'
import { apiIdsOf, kafkaFault } from './faults.ts'
import { kafkaLibrary } from './library.ts'
import type { KafkaLibrary } from './library.ts'
import type { CloudEventMode } from './sink-record.ts'
import { recordOf } from './sink-record.ts'

/** How brokers keep records. */
export type KafkaCompression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** What a sink is made of. */
export interface KafkaSinkParts {
  readonly name: string
  readonly target: KafkaTarget
  readonly topicOf: (message: SinkMessage) => string
  readonly compression: KafkaCompression
  readonly cloudEvents: CloudEventMode
  readonly replyMs: number
}

type BytesProducer = Producer

type ProducedRecord = Parameters<BytesProducer['send']>[0]['messages'][number]

/** Brokers take a request of 1 MiB by default. */
const requestLimits = { messagesMax: 1_000, bytesMax: 512 * 1024 }
/** Durable on every replica in sync. Each send asks for it: the client heeds no `acks` of a producer. */
const acks = -1
/** What a request is called that is larger than `max.message.bytes` of its topic, or than brokers take. */
const tooLarge: ReadonlySet<string> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])
const nonNegative = 0x7fff_ffff

/** The sink itself; made by `kafkaSink`. */
export class KafkaSink implements Sink {
  readonly name: string
  readonly #parts: KafkaSinkParts
  readonly #underWay = new SendsUnderWay()
  #opened: { readonly library: KafkaLibrary; readonly producer: BytesProducer } | undefined

  constructor(parts: KafkaSinkParts) {
    this.name = parts.name
    this.#parts = parts
  }

  async open(): Promise<void> {
    const { target, compression, replyMs } = this.#parts
    const library = await kafkaLibrary()
    const made: BytesProducer = new library.Producer({
      ...connectionOf(target),
      clientId: clientIdOf(target),
      bootstrapBrokers: [...target.brokers],
      autocreateTopics: false,
      compression,
      // Whoever sends tries again, and knows what that means for the order.
      retries: 0,
      requestTimeout: replyMs,
      connectTimeout: replyMs,
    })
    const producer = asksOthers(library, made)
    try {
      await producer.metadata({ topics: [] })
    } catch (thrown) {
      await producer.close().catch(() => undefined)
      throw this.#fault(thrown)
    }
    this.#opened = { library, producer }
  }

  send(messages: readonly SinkMessage[], { signal }: SendOptions): Promise<void> {
    return this.#underWay.add(this.#send(messages, signal))
  }

  async close(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    await this.#underWay.ended()
    await opened?.producer.close().catch(() => undefined)
  }

  /** Every partition is tried, also where another one fails: what the list has of it is sent again anyway. */
  async #send(messages: readonly SinkMessage[], signal: AbortSignal): Promise<void> {
    if (this.#opened === undefined) throw this.#unavailable('it is not open', false)
    const { library, producer } = this.#opened
    if (messages.length === 0) return
    const topics = Map.groupBy(messages, this.#parts.topicOf)
    if (topics.has('')) throw this.#unavailable('topicOf named no topic', false)
    try {
      const metadata = await producer.metadata({ topics: [...topics.keys()] })
      const sends = [...topics].flatMap(([topic, own]) => {
        const count = metadata.topics.get(topic)?.partitionsCount
        // Another send that failed may have had it forgotten meanwhile.
        if (count === undefined)
          throw this.#unavailable(`the partitions of topic '${topic}' are not known`, true)
        const partitions = Map.groupBy(own, ({ partitionKey }) => {
          return (library.murmur2(partitionKey, true) & nonNegative) % count
        })
        return [...partitions].map(([partition, list]) => {
          const records = requestsOf(list, requestLimits).map((request) => {
            return request.map((message) => ({ topic, partition, ...this.#recordOf(message) }))
          })
          return this.#sendAll(producer, records, signal)
        })
      })
      const failed = (await Promise.allSettled(sends)).find((end) => end.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    } catch (thrown) {
      // A leader may have moved.
      producer.clearMetadata()
      throw this.#fault(thrown)
    }
  }

  async #sendAll(
    producer: BytesProducer,
    requests: readonly ProducedRecord[][],
    signal: AbortSignal,
  ): Promise<void> {
    for (const messages of requests) {
      if (signal.aborted) throw this.#unavailable('the send was given up', true)
      try {
        await orAborted(producer.send({ messages, acks }), signal)
      } catch (thrown) {
        // What is too large together may fit in parts; nothing of it was written.
        if (messages.length === 1 || !apiIdsOf(thrown).some((id) => tooLarge.has(id))) throw thrown
        const half = Math.ceil(messages.length / 2)
        await this.#sendAll(producer, [messages.slice(0, half), messages.slice(half)], signal)
      }
    }
    if (signal.aborted) throw this.#unavailable('the send was given up', true)
  }

  #recordOf(message: SinkMessage): Omit<ProducedRecord, 'topic'> {
    const { key, value, headers } = recordOf(message, this.#parts.cloudEvents)
    const bytes = [...headers].map(([name, text]) => [Buffer.from(name), Buffer.from(text)] as const)
    return { key, value, headers: new Map(bytes) }
  }

  #fault(thrown: unknown): InturnError {
    return kafkaFault(this.name, thrown, 'sink-unavailable')
  }

  #unavailable(because: string, retryable: boolean): InturnError {
    return new InturnError('sink-unavailable', `${this.name}: ${because}`, { retryable })
  }
}
