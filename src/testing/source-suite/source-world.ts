// What the source suite needs of a source under test: a place to produce into, and sources opened over it
// one after another, as after restarts.
import type { Delivery, Source } from '../../ports/source.ts'

/**
 * What a source can do beyond the port.
 *
 * `live`: it delivers what is produced while it is open. `ordered`: it delivers in the order of producing.
 */
export type SourceFeature = 'live' | 'ordered'

/** A source under test. */
export interface SourceWorld {
  readonly features: ReadonlySet<SourceFeature>
  /** Puts messages behind everything that was produced before. */
  produce(messages: readonly unknown[]): Promise<void>
  /** A new source over the same place; the one before has been closed. */
  source(): Source
  /** Releases everything that the world holds. */
  dispose(): Promise<void>
}

/** One law of sources. */
export interface SourceCase {
  /** The law, as a sentence. */
  readonly name: string
  readonly kind?: 'log' | 'queue'
  readonly needs?: SourceFeature
  /** Rejects where the law is broken. Gets a world of its own. */
  readonly run: (world: SourceWorld) => Promise<void>
}

/** Why a case says nothing about this source; `undefined` where it has to hold. */
export function whySkipped(law: SourceCase, world: SourceWorld): string | undefined {
  const { kind } = world.source()
  if (law.kind !== undefined && law.kind !== kind)
    return `a law of ${law.kind} sources; this one is a ${kind}`
  if (law.needs !== undefined && !world.features.has(law.needs)) return `the source is not ${law.needs}`
  return undefined
}

/** A source while a case uses it: with its checkpoint, and reading until something is there. */
export class SourceSession {
  readonly #world: SourceWorld
  readonly #notes = new Map<string | undefined, string>()
  #source: Source | undefined

  constructor(world: SourceWorld) {
    this.#world = world
  }

  get source(): Source {
    if (this.#source === undefined) throw new Error('the source is not open')
    return this.#source
  }

  /** Opens a new source, after closing the one before, as a restart does. */
  async reopen(): Promise<Source> {
    await this.close()
    const source = this.#world.source()
    await source.open({
      load: (part) => Promise.resolve(this.#notes.get(part)),
      save: (note, part) => {
        this.#notes.set(part, note)
        return Promise.resolve()
      },
    })
    this.#source = source
    return source
  }

  async close(): Promise<void> {
    await this.#source?.close()
    this.#source = undefined
  }

  /** Reads until `count` deliveries have come. */
  async take(count: number): Promise<readonly Delivery[]> {
    const deliveries: Delivery[] = []
    while (deliveries.length < count) deliveries.push(...(await this.read(count - deliveries.length)))
    return deliveries
  }

  /** Reads until the source says that it is caught up, and a read brings nothing more. */
  async takeAll(): Promise<readonly Delivery[]> {
    const deliveries: Delivery[] = []
    for (;;) {
      const read = await this.read(100)
      deliveries.push(...read)
      if (read.length === 0 && (await this.source.isCaughtUp())) return deliveries
    }
  }

  read(max: number): Promise<readonly Delivery[]> {
    return this.source.read({ max, waitMs: 20, signal: new AbortController().signal })
  }
}

/** The value of a message, however the source carries it. */
export function valueOf(delivery: Delivery): unknown {
  const { message } = delivery
  if (message instanceof Uint8Array) return JSON.parse(new TextDecoder().decode(message))
  return typeof message === 'string' ? JSON.parse(message) : message
}
