// Settles a source: what has a durable end is forgotten, what is refused comes again or overflows, and with a
// store that is not durable a held event stays unsettled until it ends. What the source does not take now is
// settled later, without being processed again. Upholds I3, I4 and I7.
import type { StreamPath } from '../core/stream-path.ts'
import type { Delivery, Source } from '../ports/source.ts'
import type { Engine } from './batch.ts'
import type { Answer } from './call.ts'
import type { EngineParts } from './engine-parts.ts'
import type { IncomingMessage } from './incoming-message.ts'
import type { ProcessResult } from './process-result.ts'
import { isUnplaced } from './process-result.ts'
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
  /** Is told when messages were put aside, or could not be: there is something to settle. */
  readonly progress: (failure?: { readonly error: unknown }) => void
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
  readonly #back: Message[] = []
  /** What is being put aside now. */
  readonly #leaving = new Set<Promise<void>>()
  readonly #overdue: { readonly delivery: Message; readonly place: string }[] = []

  constructor(made: SettlementParts<Message>) {
    const { engine, source, limits } = made
    this.#made = made
    const { lookAheadMax, refusePatienceMs: patienceMs } = limits
    this.#refused = new RefusedEvents({ lookAheadMax, patienceMs })
    this.#unsettled = new UnsettledEvents(source.kind)
    engine.onPosition = (stream, position) => {
      this.#done.push(...this.#unsettled.takeUpTo(stream, position))
    }
  }

  /**
   * Whether refused events wait here that can be taken in one day, or with a queue that delivers them again
   * soon.
   */
  get isWaiting(): boolean {
    const sinceReleaseMs = this.#made.parts.timers.elapsedMs() - this.#lastReleaseMs
    return this.#refused.hasPlaced || this.#leaving.size > 0 || sinceReleaseMs <= 2 * releaseMs
  }

  /** Whether so many refused events wait that nothing more may be read. */
  get isFull(): boolean {
    return this.#refused.beyond > 0
  }

  /** The streams of the refused events that wait here. */
  waitingStreams(): ReadonlySet<StreamPath> {
    return this.#refused.streams()
  }

  /** Whether events of a stream wait that cannot be placed on their counter's turns. */
  hasUnplaced(stream: StreamPath): boolean {
    return this.#refused.hasUnplaced(stream)
  }

  /** Whether something is to be told to the source. */
  get hasNews(): boolean {
    return this.#done.length + this.#back.length + this.#overdue.length > 0
  }

  /** Takes in what became of a delivery; {@link flush} settles it. */
  take(delivery: Message, { result, held }: Omit<Answer, 'index'>): void {
    if (result.verdict === 'refuse') this.#takeRefused(delivery, result)
    else this.#takeKept(delivery, result, held)
  }

  /** Tells the source; what fails here stays, and is told at the next flush. */
  async flush(): Promise<void> {
    const { source, parts } = this.#made
    const overdue = this.#overdue.splice(0)
    if (overdue.length > 0) {
      const places = new Map(overdue.map(({ delivery, place }) => [delivery, place]))
      this.#putAside([...places.keys()], (delivery, isAside) => {
        if (isAside) this.#refusedSince.delete(places.get(delivery) ?? '')
        const to = isAside ? this.#done : this.#back
        to.push(delivery)
      })
    }
    if (this.#done.length > 0) {
      const done = [...this.#done]
      await source.settle(done)
      this.#done.splice(0, done.length)
    }
    if (this.#back.length > 0) {
      const back = [...this.#back]
      await source.release(back, releaseMs)
      this.#back.splice(0, back.length)
      this.#lastReleaseMs = parts.timers.elapsedMs()
    }
  }

  /** Refused events to be offered to the engine again; until they are answered they are offered only once. */
  offers(): readonly Message[] {
    return this.#refused.offers(this.#made.parts.batchMax)
  }

  /** A refused message as it is offered: with the number that it had, where its counter wraps. */
  asOffer(delivery: Message): IncomingMessage {
    const placed = this.#refused.placeOf(delivery)
    if (placed === undefined) return delivery
    const { stream, place } = placed
    const { epoch, sequence } = place
    return { ...delivery, asked: { stream, epoch, from: sequence, to: sequence } }
  }

  /** Nothing is known of offers: they can be offered again. */
  takeBack(deliveries: readonly Message[]): void {
    for (const delivery of deliveries) this.#refused.takeBack(delivery)
  }

  /** Makes dead letters of what waited too long, and of what lies beyond the look-ahead. */
  async shed(): Promise<void> {
    const { timers, batchMax } = this.#made.parts
    const overdue = this.#refused.overdue(timers.elapsedMs(), batchMax)
    this.#putAside(overdue, (delivery, isAside) => {
      if (!isAside) {
        this.#refused.takeBack(delivery)
        return
      }
      this.#refused.remove(delivery)
      this.#done.push(delivery)
    })
    await this.flush()
  }

  /** Resolves once nothing is being put aside. */
  async landed(): Promise<void> {
    await Promise.all(this.#leaving)
  }

  #takeRefused(delivery: Message, result: ProcessResult): void {
    const { source, parts } = this.#made
    const now = parts.timers.elapsedMs()
    const place = placeOf(result)
    const { stream = '', epoch = 0, sequence = 0 } = result
    const isUnplacedNow = isUnplaced(result.reason)
    const stays = isUnplacedNow || result.reason === 'paused'
    if (source.kind === 'log') {
      const isPlaced = result.reason === 'stream-full' || result.reason === 'domain-full'
      const about = { sinceMs: now, stays, isUnplaced: isUnplacedNow, isPlaced }
      this.#refused.add({ delivery, stream, place: { epoch, sequence }, ...about })
    } else if (!stays && this.#isOverdue(place, now)) this.#overdue.push({ delivery, place })
    else this.#back.push(delivery)
  }

  #takeKept(delivery: Message, result: ProcessResult, held: Answer['held']): void {
    this.#refused.remove(delivery)
    if (this.#refusedSince.size > 0) this.#refusedSince.delete(placeOf(result))
    if (held === undefined) this.#done.push(delivery)
    else this.#unsettled.keep(held.stream, { delivery, place: held.place })
  }

  /** Has deliveries put aside, beside all else; `ended` is told what became of each. */
  #putAside(deliveries: readonly Message[], ended: (delivery: Message, isAside: boolean) => void): void {
    if (deliveries.length === 0) return
    const { engine, progress } = this.#made
    let hasMoved = false
    const leaving: Promise<void> = engine
      .overflow(deliveries, (index, isAside) => {
        hasMoved ||= isAside
        const delivery = deliveries[index]
        if (delivery !== undefined) ended(delivery, isAside)
      })
      .then(
        // What could not be put aside is no progress: it is tried again when something else has moved.
        () => {
          if (hasMoved) progress()
        },
        (error: unknown) => progress({ error }),
      )
      .finally(() => this.#leaving.delete(leaving))
    this.#leaving.add(leaving)
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
