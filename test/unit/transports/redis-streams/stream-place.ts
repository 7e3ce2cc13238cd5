// A Redis stream of its own for one test, sources and sinks on it that end with the test, and a look at the
// server past them.
import { setTimeout as sleep } from 'node:timers/promises'
import { ErrorReply } from 'redis'
import type { Source } from '../../../../src/ports/source.ts'
import { valueOf } from '../../../../src/testing/source-suite/source-world.ts'
import type { EntryDelivery, RedisStreamsSourceOptions } from '../../../../src/transports/redis-streams.ts'
import { redisStreamsSource } from '../../../../src/transports/redis-streams.ts'
import type { TestClient } from '../../../conformance/stores/redis-fixture.ts'
import { connectedClient } from '../../../conformance/stores/redis-fixture.ts'
import { ownKey } from '../../../conformance/transports/redis-streams-world.ts'

const checkpoint = { load: async () => undefined, save: async () => undefined }

/** The stream of one test. */
export class StreamPlace {
  readonly stream: string = ownKey()
  /** What the sources have warned of. */
  readonly warnings: string[] = []
  readonly #url: string
  readonly #ending: (() => Promise<void>)[] = []
  #client: Promise<TestClient> | undefined

  constructor(url: string) {
    this.#url = url
  }

  /** A source that is open; `url` leads it another way. */
  async source(options: Partial<RedisStreamsSourceOptions> = {}): Promise<Source<EntryDelivery>> {
    const onWarning = (message: string): void => void this.warnings.push(message)
    const { stream } = this
    const place = 'client' in options ? {} : { url: this.#url }
    const source = redisStreamsSource({ ...place, stream, group: 'billing', onWarning, ...options })
    await source.open(checkpoint)
    this.#ending.push(() => source.close())
    return source
  }

  /** The server's reply to a command; a connection that was lost is made anew by the next one. */
  async ask(...command: readonly (string | number)[]): Promise<unknown> {
    this.#client ??= connectedClient(this.#url)
    try {
      return await (await this.#client).sendCommand(command.map(String))
    } catch (error) {
      if (!(error instanceof ErrorReply)) this.#client = undefined
      throw error
    }
  }

  /** Adds events `from..to`; their ids. */
  async produce(from: number, to: number): Promise<readonly string[]> {
    const adding = range(from, to).map((n) =>
      this.ask('XADD', this.stream, '*', 'data', JSON.stringify({ n })),
    )
    return (await Promise.all(adding)).map(String)
  }

  /** How many entries are in the stream, and how many are pending with a group. */
  async counts(group = 'billing'): Promise<{ readonly there: number; readonly pending: number }> {
    const pending = await this.ask('XPENDING', this.stream, group)
    const there = Number(await this.ask('XLEN', this.stream))
    return { there, pending: Number(Array.isArray(pending) ? pending[0] : Number.NaN) }
  }

  async remove(): Promise<void> {
    for (const end of this.#ending) await end()
    await this.ask('DEL', this.stream)
    const client = await this.#client
    client?.destroy()
  }
}

/** The next deliveries of a source. */
export function readSome(
  source: Source<EntryDelivery>,
  max = 100,
  waitMs = 20,
): Promise<readonly EntryDelivery[]> {
  return source.read({ max, waitMs, signal: new AbortController().signal })
}

/** Reads until so many deliveries have come. */
export async function readAll(
  source: Source<EntryDelivery>,
  count: number,
): Promise<readonly EntryDelivery[]> {
  const deliveries: EntryDelivery[] = []
  while (deliveries.length < count) deliveries.push(...(await readSome(source, count - deliveries.length)))
  return deliveries
}

/** The numbers of deliveries, as they came. */
export function numbersOf(deliveries: readonly EntryDelivery[]): readonly number[] {
  return deliveries.map((delivery) => {
    const value = valueOf(delivery)
    return typeof value === 'object' && value !== null && 'n' in value ? Number(value.n) : Number.NaN
  })
}

/** Waits until something is so. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(5)
}

/** `from..to`. */
export function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}
