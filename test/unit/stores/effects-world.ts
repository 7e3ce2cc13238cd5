// Processors over a Redis store whose handlers give commands for the commit, and what these left behind: a
// balance and a journal for each stream, written with every event.
import type { InturnEvent } from '../../../src/core/event.ts'
import { contiguous } from '../../../src/core/numbering.ts'
import type { ExternalContext } from '../../../src/engine/domain-options.ts'
import type { ProcessorOptions } from '../../../src/engine/processor-options.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import { createProcessor } from '../../../src/engine/processor.ts'
import type { OperatorTarget } from '../../../src/operate/operator-options.ts'
import type { StoreMethod } from '../../../src/ports/around-store.ts'
import type { Source } from '../../../src/ports/source.ts'
import type { StoredStream } from '../../../src/ports/store-reader.ts'
import type { Store } from '../../../src/ports/store.ts'
import type { RedisCommands } from '../../../src/stores/redis.ts'
import { effectKey, redisStore } from '../../../src/stores/redis.ts'
import type { FaultPlan } from '../../../src/testing/faults.ts'
import { faultyStore } from '../../../src/testing/faults.ts'
import type { TestClient } from '../../conformance/stores/redis-fixture.ts'
import { ownPrefix } from '../../conformance/stores/redis-fixture.ts'

export const consumer = 'billing'
export const pathOf = (stream: string): string => `account/${stream}`

type Context = ExternalContext<RedisCommands>
type Shape = Readonly<Record<string, unknown>>

/** One consumer's keys in one server. */
export class EffectsWorld {
  readonly client: TestClient
  readonly prefix: string = ownPrefix()
  readonly store: Store<undefined, RedisCommands>
  /** `stream:sequence` of each call of the handler. */
  readonly calls: string[] = []
  /** What a handler does besides, by `stream:sequence`, before its journal is written. */
  readonly besides: Map<string, (redis: RedisCommands) => unknown> = new Map()
  readonly #opened: Processor[] = []

  constructor(client: TestClient) {
    this.client = client
    this.store = redisStore({ client }, { prefix: this.prefix, onWarning: () => undefined })
  }

  /** A handler that adds the number to the balance and to the journal. */
  readonly handle = async (event: InturnEvent, { redis }: Context): Promise<void> => {
    const call = `${event.stream}:${String(event.sequence)}`
    this.calls.push(call)
    redis.call('HINCRBY', redis.key('balance'), 'sum', Number(event.sequence))
    await this.besides.get(call)?.(redis)
    redis.call('RPUSH', redis.key('journal'), String(event.sequence))
  }

  /** A worker of its own. */
  processor(
    fields: Shape = {},
    options: Partial<ProcessorOptions<undefined, RedisCommands>> = {},
    plan: FaultPlan<StoreMethod> = () => undefined,
  ): Processor {
    const account = { numbering: contiguous(), effects: 'external' as const, ...fields }
    const own = 'handle' in fields || 'handleBatch' in fields ? {} : { handle: this.handle }
    const processor = createProcessor({
      consumer,
      store: faultyStore(this.store, plan),
      domains: { account: { ...account, ...own } },
      claim: '30s',
      sweep: 'manual',
      ...options,
    })
    this.#opened.push(processor)
    return processor
  }

  get target(): OperatorTarget {
    return { store: this.store, consumer, domains: new Map() }
  }

  async stream(stream: string): Promise<StoredStream | undefined> {
    return this.store.reader.stream(consumer, pathOf(stream))
  }

  keyOf(stream: string, name: string): string {
    return effectKey({ prefix: this.prefix, consumer, domain: 'account', stream, name })
  }

  async send(...command: readonly string[]): Promise<unknown> {
    return this.client.sendCommand([...command])
  }

  /** What was written to a stream's journal. */
  async journal(stream: string): Promise<readonly number[]> {
    const entries = await this.send('LRANGE', this.keyOf(stream, 'journal'), '0', '-1')
    return Array.isArray(entries) ? entries.map(Number) : []
  }

  async balance(stream: string): Promise<number> {
    return Number(await this.send('HGET', this.keyOf(stream, 'balance'), 'sum'))
  }

  /** Makes a command on the journal fail until {@link mend}. */
  async spoil(stream: string, name = 'journal'): Promise<void> {
    await this.send('SET', this.keyOf(stream, name), 'no list')
  }

  async mend(stream: string, name = 'journal'): Promise<void> {
    await this.send('DEL', this.keyOf(stream, name))
  }

  async end(): Promise<void> {
    for (const processor of this.#opened) await processor.close()
    await this.store.close()
  }
}

/** Events of a stream. */
export function events(stream: string, ...sequences: readonly number[]): readonly unknown[] {
  return sequences.map((sequence) => ({
    domain: 'account',
    stream,
    sequence,
    id: `${stream}-${sequence}`,
    data: {},
  }))
}

/** A source that can be read again from its beginning, any number of times. */
export function archive(messages: readonly unknown[]): Source {
  let place = 0
  return {
    name: 'archive',
    kind: 'log',
    open: async () => {
      place = 0
    },
    read: async ({ max }) => {
      const page = messages.slice(place, place + max)
      place += page.length
      return page.map((message, index) => ({ message, origin: `archive:${index}` }))
    },
    settle: async () => undefined,
    release: async () => undefined,
    isCaughtUp: async () => place >= messages.length,
    close: async () => undefined,
  }
}
