// A source in the memory of this process, for tests and for programs that push events into inturn
// themselves. It keeps what is not settled, and can be told to deliver it again. Upholds I4 and I7.
import { randomUUID } from 'node:crypto'
import { checkNames, checkTexts, givenText } from '../core/check-names.ts'
import { InturnError } from '../core/errors.ts'
import { SettledPrefix } from '../core/settled-prefix.ts'
import { checkCounts } from '../core/whole-number.ts'
import type { Sink } from '../ports/sink.ts'
import type { Checkpoint, Delivery, ReadRequest, Source, SourceExtent } from '../ports/source.ts'
import { systemTimers } from '../ports/timers.ts'
import type { Timers } from '../ports/timers.ts'
import { MemorySink } from './memory/memory-sink.ts'

/** Options of {@link memorySource}. */
export interface MemorySourceOptions {
  /** Default `memory`. */
  readonly name?: string
  /** Default `log`. */
  readonly kind?: 'log' | 'queue'
  /** Messages that are kept, settled or not: above it `push` waits. Default 100,000. */
  readonly keptMax?: number
  /** For tests. Default: the machine's own. */
  readonly timers?: Timers
}

/** A message as this source delivers it. */
export interface MemoryDelivery extends Delivery {
  /** Its place in the order of pushing, from 1. */
  readonly place: number
}

/** A source that messages are pushed into. */
export interface MemorySource extends Source<MemoryDelivery> {
  /** Adds messages in their order; resolves once there is room for them. */
  push(messages: readonly unknown[], options?: { readonly domain?: string }): Promise<void>
  /** Makes everything that was delivered and not settled come again. */
  redeliver(): void
  /** Messages that are not settled yet. */
  readonly unsettled: number
}

/**
 * A source in memory. What was pushed stays until it is settled, also while the source is closed.
 *
 * @throws InturnError `config-invalid` for an option that is unknown
 * @example
 * const source = memorySource()
 * await source.push([{ stream: 'a', sequence: 1, data: {} }])
 */
export function memorySource(options: MemorySourceOptions = {}): MemorySource {
  const names = ['name', 'kind', 'keptMax', 'timers'] satisfies (keyof MemorySourceOptions)[]
  checkNames(options, 'memorySource', names)
  const { name = 'memory', kind = 'log', keptMax = 1 } = options
  checkTexts('memorySource', { name }, 'a name')
  checkCounts('memorySource', { keptMax })
  if (kind !== 'log' && kind !== 'queue') {
    throw new InturnError('config-invalid', `memorySource: kind takes log or queue, not ${givenText(kind)}`)
  }
  return new PushedMessages(options)
}

/**
 * A sink that pushes what it is sent into a source in memory: a topic within the process. A send waits for
 * room there.
 *
 * @example
 * const topic = memorySource()
 * const relay = createRelay({ name: 'orders', log, store, sink: memorySink(topic) })
 */
export function memorySink(source: Pick<MemorySource, 'name' | 'push'>): Sink {
  return new MemorySink(source)
}

/** A message that is not forgotten. */
interface Kept {
  readonly delivery: MemoryDelivery
  /** It is delivered or released, and not settled. */
  isUnderWay: boolean
}

class PushedMessages implements MemorySource {
  readonly name: string
  readonly kind: 'log' | 'queue'
  /** No other source's places are these. */
  readonly #log = randomUUID()
  readonly #keptMax: number
  readonly #timers: Timers
  #pushed = 0
  /** By place, ascending. A queue forgets what is settled; a log forgets only its settled prefix. */
  readonly #kept = new Map<number, Kept>()
  /** What a read may deliver, from `#next` on. */
  #ready: Kept[] = []
  #next = 0
  #underWayCount = 0
  /** The place whose ticket is 0, and the settled prefix since then. */
  #firstPlace = 1
  #prefix = new SettledPrefix<number>()
  /** A log has forgotten what lies up to here. */
  #forgotten = 0
  readonly #delays = new Set<() => void>()
  readonly #wakers = new Set<() => void>()

  constructor(options: MemorySourceOptions) {
    this.name = options.name ?? 'memory'
    this.kind = options.kind ?? 'log'
    this.#keptMax = options.keptMax ?? 100_000
    this.#timers = options.timers ?? systemTimers
  }

  get unsettled(): number {
    return this.#readyCount + this.#underWayCount
  }

  async push(messages: readonly unknown[], options: { readonly domain?: string } = {}): Promise<void> {
    for (const message of messages) {
      while (this.#kept.size >= this.#keptMax) await this.#change()
      const place = ++this.#pushed
      const logPlace = { log: this.#log, at: place }
      const own = { message, place, logPlace, origin: `${this.name}:${place}` }
      const kept = {
        delivery: options.domain === undefined ? own : { ...own, ...options },
        isUnderWay: false,
      }
      this.#kept.set(place, kept)
      this.#ready.push(kept)
      if (this.#wakers.size > 0) this.#wake()
    }
  }

  redeliver(): void {
    for (const cancel of this.#delays) cancel()
    this.#delays.clear()
    this.#ready = [...this.#kept.values()]
    for (const kept of this.#ready) kept.isUnderWay = false
    this.#underWayCount = 0
    this.#next = 0
    this.#firstPlace = this.#ready[0]?.delivery.place ?? this.#pushed + 1
    this.#prefix = new SettledPrefix()
    this.#wake()
  }

  open(_checkpoint: Checkpoint): Promise<void> {
    this.redeliver()
    return Promise.resolve()
  }

  async read({ max, waitMs, signal }: ReadRequest): Promise<readonly MemoryDelivery[]> {
    const untilMs = this.#timers.elapsedMs() + waitMs
    for (;;) {
      const leftMs = untilMs - this.#timers.elapsedMs()
      if (this.#readyCount > 0 || signal.aborted || leftMs <= 0) return this.#take(max)
      await this.#change(leftMs, signal)
    }
  }

  settle(deliveries: readonly MemoryDelivery[]): Promise<void> {
    for (const { place } of deliveries) {
      if (this.#takeBack(place) === undefined) continue
      if (this.kind === 'queue') this.#kept.delete(place)
      else this.#prefix.settle(place - this.#firstPlace)
    }
    const end = this.#prefix.end ?? 0
    while (this.#forgotten < end) this.#kept.delete(++this.#forgotten)
    this.#wake()
    return Promise.resolve()
  }

  release(deliveries: readonly MemoryDelivery[], delayMs: number): Promise<void> {
    const cancel = this.#timers.after(delayMs, () => {
      this.#delays.delete(cancel)
      for (const { place } of deliveries) {
        const kept = this.#takeBack(place)
        if (kept !== undefined) this.#ready.push(kept)
      }
      this.#wake()
    })
    this.#delays.add(cancel)
    return Promise.resolve()
  }

  isCaughtUp(): Promise<boolean> {
    return Promise.resolve(this.#readyCount === 0)
  }

  extent(): Promise<SourceExtent> {
    const total = this.#pushed
    return Promise.resolve({ done: total - this.#readyCount, total, unit: 'events' })
  }

  close(): Promise<void> {
    this.redeliver()
    return Promise.resolve()
  }

  #take(max: number): readonly MemoryDelivery[] {
    const deliveries: MemoryDelivery[] = []
    const end = Math.min(this.#next + max, this.#ready.length)
    while (this.#next < end) {
      const kept = this.#ready[this.#next++]
      if (kept === undefined) continue
      kept.isUnderWay = true
      this.#underWayCount++
      if (this.kind === 'log') this.#prefix.add(kept.delivery.place)
      deliveries.push(kept.delivery)
    }
    if (this.#next * 2 > this.#ready.length) {
      this.#ready = this.#ready.slice(this.#next)
      this.#next = 0
    }
    return deliveries
  }

  /** What is under way at a place, which it is not any more then. */
  #takeBack(place: number): Kept | undefined {
    const kept = this.#kept.get(place)
    if (kept?.isUnderWay !== true) return undefined
    kept.isUnderWay = false
    this.#underWayCount--
    return kept
  }

  get #readyCount(): number {
    return this.#ready.length - this.#next
  }

  /** Resolves when something has changed, or after `ms`, or when the signal fires. */
  async #change(ms?: number, signal?: AbortSignal): Promise<void> {
    const controller = new AbortController()
    const wake = (): void => controller.abort('woken')
    this.#wakers.add(wake)
    const signals = signal === undefined ? [controller.signal] : [controller.signal, signal]
    if (ms !== undefined) await this.#timers.sleep(ms, AbortSignal.any(signals))
    else await new Promise<void>((resolve) => controller.signal.addEventListener('abort', () => resolve()))
    this.#wakers.delete(wake)
  }

  #wake(): void {
    for (const wake of this.#wakers) wake()
  }
}
