// Settles a source: what has a durable end is forgotten, what is refused comes again or overflows, and with a
// store that is not durable a held event stays unsettled until it ends. What the source does not take now is
// settled later, without being processed again. Upholds I3, I4 and I7.
import { invariant } from '../core/errors.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { Delivery, Source } from '../ports/source.ts'
import type { EngineParts } from './engine-parts.ts'
import type { Engine, EngineResult, HeldMessage } from './engine.ts'
import type { ProcessResult } from './process-result.ts'
import { RefusedEvents } from './refused-events.ts'
import { UnsettledEvents } from './unsettled-events.ts'

/** How long a queue keeps a refused event before it delivers it again, in milliseconds. */
const releaseMs = 1_000

/** What a settlement is made of. */
export interface SettlementParts<Message extends Delivery> {
  readonly engine: Engine
  readonly parts: EngineParts
  readonly source: Source<Message>
  readonly limits: { readonly lookAheadMax: number; readonly refusePatienceMs: number }
}

/** Settles the deliveries of one worker. */
export class Settlement<Message extends Delivery> {
  readonly #made: SettlementParts<Message>
  readonly #refused: RefusedEvents<Message>
  readonly #unsettled: UnsettledEvents<Message>
  /** A queue's refused events by place: since when. They are with the queue meanwhile. */
  readonly #refusedSince = new Map<string, number>()
  #lastReleaseMs = -Infinity
  /** To be settled, to be given back to a queue, and to become dead letters: at the next flush. */
  readonly #done: Message[] = []
  #back: Message[] = []
  #overdue: { readonly delivery: Message; readonly place: string }[] = []

  constructor(made: SettlementParts<Message>) {
    const { engine, source, limits } = made
    this.#made = made
    const { lookAheadMax, refusePatienceMs: patienceMs } = limits
    this.#refused = new RefusedEvents({ lookAheadMax, patienceMs })
    this.#unsettled = new UnsettledEvents(source.kind)
    engine.tellPositions((stream, position) => {
      this.#done.push(...this.#unsettled.takeUpTo(stream, position))
    })
  }

  /** Whether refused events wait here, or with a queue that delivers them again soon. */
  get isWaiting(): boolean {
    const sinceReleaseMs = this.#made.parts.timers.elapsedMs() - this.#lastReleaseMs
    return this.#refused.size > 0 || sinceReleaseMs <= 2 * releaseMs
  }

  /** Whether so many refused events wait that nothing more may be read. */
  get isFull(): boolean {
    return this.#refused.beyond > 0
  }

  /** The streams of the refused events that wait here. */
  waitingStreams(): ReadonlySet<StreamPath> {
    return this.#refused.streams()
  }

  /** Takes in what became of deliveries; {@link flush} settles them. */
  take(deliveries: readonly Message[], { results, held }: EngineResult): void {
    const places = new Map(held.map((message) => [message.index, message]))
    deliveries.forEach((delivery, index) => {
      const result = results[index]
      invariant(result !== undefined, `there is no result for ${delivery.origin}`)
      if (result.verdict === 'refuse') this.#takeRefused(delivery, result)
      else this.#takeKept(delivery, result, places.get(index))
    })
  }

  /** Tells the source; what fails here stays, and is told at the next flush. */
  async flush(): Promise<void> {
    const { source, parts } = this.#made
    while (this.#overdue.length > 0) {
      const overdue = this.#overdue.slice(0, parts.batchMax)
      const aside = new Set(await this.#overflow(overdue.map(({ delivery }) => delivery)))
      for (const { delivery, place } of overdue) {
        if (aside.has(delivery)) this.#refusedSince.delete(place)
        const to = aside.has(delivery) ? this.#done : this.#back
        to.push(delivery)
      }
      this.#overdue = this.#overdue.slice(overdue.length)
    }
    if (this.#done.length > 0) {
      const done = [...this.#done]
      await source.settle(done)
      this.#done.splice(0, done.length)
    }
    if (this.#back.length > 0) {
      await source.release(this.#back, releaseMs)
      this.#back = []
      this.#lastReleaseMs = parts.timers.elapsedMs()
    }
  }

  /**
   * Offers refused events to the engine again while it takes some; those that waited too long become dead
   * letters.
   */
  async offerAgain(): Promise<void> {
    const { engine, parts } = this.#made
    for (let before = Infinity; this.#refused.size < before;) {
      before = this.#refused.size
      const offers = this.#refused.offers(parts.batchMax)
      if (offers.length > 0) this.take(offers, await engine.process(offers))
    }
    await this.shed()
  }

  /**
   * Makes dead letters of what waited too long, and of what lies beyond the look-ahead as long as that is
   * possible.
   */
  async shed(): Promise<void> {
    const { timers, batchMax } = this.#made.parts
    for (let isBeyond = true; isBeyond;) {
      const overdue = this.#refused.overdue(timers.elapsedMs(), batchMax)
      const aside = await this.#overflow(overdue)
      for (const delivery of aside) this.#refused.remove(delivery)
      this.#done.push(...aside)
      isBeyond = aside.length > 0 && this.#refused.beyond > 0
    }
    await this.flush()
  }

  #takeRefused(delivery: Message, result: ProcessResult): void {
    const { source, parts } = this.#made
    const now = parts.timers.elapsedMs()
    const place = placeOf(result)
    const { stream = '', epoch = 0, sequence = 0 } = result
    const isPaused = result.reason === 'paused'
    if (source.kind === 'log')
      this.#refused.add({ delivery, stream, place: { epoch, sequence }, sinceMs: now, isPaused })
    else if (!isPaused && this.#isOverdue(place, now)) this.#overdue.push({ delivery, place })
    else this.#back.push(delivery)
  }

  #takeKept(delivery: Message, result: ProcessResult, held: HeldMessage | undefined): void {
    this.#refused.remove(delivery)
    if (this.#refusedSince.size > 0) this.#refusedSince.delete(placeOf(result))
    if (held === undefined) this.#done.push(delivery)
    else this.#unsettled.keep(held.stream, { delivery, place: held.place })
  }

  async #overflow(deliveries: readonly Message[]): Promise<readonly Message[]> {
    if (deliveries.length === 0) return []
    const isAside = await this.#made.engine.overflow(deliveries)
    return deliveries.filter((_, index) => isAside[index] === true)
  }

  /** Whether a queue's refused event has waited too long, or more of them wait than may. */
  #isOverdue(place: string, nowMs: number): boolean {
    const { lookAheadMax, refusePatienceMs } = this.#made.limits
    for (const [old, sinceMs] of this.#refusedSince) {
      // What has not come again for so long has come to another worker.
      if (nowMs - sinceMs < 2 * refusePatienceMs + releaseMs) break
      this.#refusedSince.delete(old)
    }
    const sinceMs = this.#refusedSince.get(place)
    if (sinceMs !== undefined) return nowMs - sinceMs >= refusePatienceMs
    this.#refusedSince.set(place, nowMs)
    return this.#refusedSince.size > lookAheadMax
  }
}

function placeOf(event: Pick<ProcessResult, 'stream' | 'epoch' | 'sequence'>): string {
  return `${event.stream ?? ''}/${event.epoch ?? 0}/${String(event.sequence)}`
}
