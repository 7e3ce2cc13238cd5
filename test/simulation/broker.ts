// The transport of a simulation, as a consumer sees it: it doubles, delays, drops, reorders and delivers
// again what was not settled. One for each consumer; each worker connects to it by itself.
import type { Delivery, ReadRequest, Source } from '../../src/ports/source.ts'
import type { Timers } from '../../src/ports/timers.ts'
import type { History } from './history.ts'
import type { Produced } from './produced.ts'
import type { ReadingTime } from './reading-time.ts'

/** A copy of a message. */
export interface Copy extends Delivery {
  readonly produced: Produced
  /** Its place among all copies. */
  readonly place: number
}

/** What a connection needs of its transport. */
export interface CopySource {
  readonly kind: 'log' | 'queue'
  /** The copies that a connection may have now, at most `max`. */
  take(connection: string, max: number): readonly Copy[]
  /** When there may be more, in elapsed milliseconds. */
  nextAtMs(connection: string): number
  settle(connection: string, copies: readonly Copy[]): void
  release(connection: string, copies: readonly Copy[], delayMs: number): void
  connect(connection: string): void
  /** At once for a connection that is closed; a dead one is noticed later. */
  disconnect(connection: string, how: 'closed' | 'dead'): void
  isEmpty(connection: string): boolean
}

/** What a worker's connection is made of. */
export interface ConnectionParts {
  readonly copies: CopySource
  readonly consumer: string
  /** Unique among all connections. */
  readonly connection: string
  readonly worker: string
  readonly timers: Timers
  readonly history: History
  readonly reading: ReadingTime
}

/** One worker's connection to the transport. */
export class BrokerConnection implements Source<Copy> {
  readonly name: string
  readonly kind: 'log' | 'queue'
  readonly #parts: ConnectionParts
  #readsUnderWay = 0

  constructor(parts: ConnectionParts) {
    this.name = `simulated ${parts.copies.kind}`
    this.kind = parts.copies.kind
    this.#parts = parts
  }

  open(): Promise<void> {
    this.#parts.copies.connect(this.#parts.connection)
    return Promise.resolve()
  }

  async read({ max, waitMs, signal }: ReadRequest): Promise<readonly Copy[]> {
    const { copies, connection, timers, reading } = this.#parts
    const untilMs = timers.elapsedMs() + waitMs
    this.#readsUnderWay++
    reading.begin()
    for (;;) {
      const taken = signal.aborted ? [] : copies.take(connection, max)
      const leftMs = untilMs - timers.elapsedMs()
      if (taken.length > 0 || signal.aborted || leftMs <= 0) {
        this.#endRead()
        for (const { produced } of taken) this.#note('read', produced)
        return taken
      }
      const nextMs = copies.nextAtMs(connection) - timers.elapsedMs()
      await timers.sleep(Math.min(leftMs, Math.max(1, nextMs)), signal)
    }
  }

  settle(deliveries: readonly Copy[]): Promise<void> {
    this.#parts.copies.settle(this.#parts.connection, deliveries)
    for (const { produced } of deliveries) this.#note('settled', produced)
    return Promise.resolve()
  }

  release(deliveries: readonly Copy[], delayMs: number): Promise<void> {
    this.#parts.copies.release(this.#parts.connection, deliveries, delayMs)
    for (const { produced } of deliveries) this.#note('released', produced)
    return Promise.resolve()
  }

  isCaughtUp(): Promise<boolean> {
    return Promise.resolve(this.#parts.copies.isEmpty(this.#parts.connection))
  }

  close(): Promise<void> {
    this.#parts.copies.disconnect(this.#parts.connection, 'closed')
    return Promise.resolve()
  }

  /** Its worker has died. */
  breakOff(): void {
    while (this.#readsUnderWay > 0) this.#endRead()
    this.#parts.copies.disconnect(this.#parts.connection, 'dead')
  }

  #endRead(): void {
    if (this.#readsUnderWay === 0) return
    this.#readsUnderWay--
    this.#parts.reading.end()
  }

  #note(kind: 'read' | 'settled' | 'released', produced: Produced): void {
    const { history, consumer, worker } = this.#parts
    history.note({ kind, consumer, worker, produced })
  }
}
