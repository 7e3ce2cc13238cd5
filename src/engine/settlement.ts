// Settles a source: what has a durable end is forgotten, what is refused comes again or goes to its stream's
// inbox, and with a store that is not durable an event that is kept stays unsettled until it ends. What the
// source does not take now is settled later, without being processed again. Upholds I3, I4 and I7.
import { InturnError } from '../core/errors.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import type { Delivery, Source } from '../ports/source.ts'
import type { Engine } from './batch.ts'
import type { Answer } from './call.ts'
import type { EngineParts } from './engine-parts.ts'
import type { IncomingMessage } from './incoming-message.ts'
import type { ProcessResult } from './process-result.ts'
import { isPlaced, isUnplaced } from './process-result.ts'
import type { Refused } from './refused-events.ts'
import { RefusedEvents } from './refused-events.ts'
import { UnsettledEvents } from './unsettled-events.ts'

/** How long a queue keeps a refused event before it delivers it again, in milliseconds. */
const releaseMs = 1_000
/** A refused event of a queue comes to so many workers, about, before it comes again to the first. */
const sharersMax = 60

/** What a settlement is made of. */
export interface SettlementParts<Message extends Delivery> {
  readonly engine: Engine
  readonly parts: EngineParts
  readonly source: Source<Message>
  readonly limits: {
    readonly lookAheadMax: number
    readonly lookAheadBytesMax: number
    readonly refusePatienceMs: number
  }
}

/** A delivery that goes to the inbox of its stream. */
type Kept<Message> = Pick<Refused<Message>, 'delivery' | 'stream' | 'place' | 'isPlaced'>

/** Settles the deliveries of one worker. */
export class Settlement<Message extends Delivery> {
  readonly #made: SettlementParts<Message>
  readonly #refused: RefusedEvents<Message>
  readonly #unsettled: UnsettledEvents<Message>
  /** A queue's refused events by place: since when. They are with the queue meanwhile. */
  readonly #refusedSince = new Map<string, number>()
  #lastReleaseMs = -Infinity
  #lack: InturnError | undefined
  /** To be settled, to be given back to a queue, and to go to their inboxes: at the next flush. */
  readonly #done: Message[] = []
  readonly #back: Message[] = []
  readonly #overdue: Kept<Message>[] = []

  constructor(made: SettlementParts<Message>) {
    const { engine, source, limits } = made
    this.#made = made
    this.#refused = new RefusedEvents(limits)
    this.#unsettled = new UnsettledEvents((kept, by) => source.kind === 'queue' && engine.areCopies(kept, by))
    engine.onPosition = (stream, position, hasUndecided) => {
      this.#done.push(...this.#unsettled.takeUpTo(stream, position, hasUndecided))
    }
  }

  /**
   * Whether refused events wait here that can be taken in one day, or with a queue that delivers them again
   * soon.
   */
  get isWaiting(): boolean {
    const sinceReleaseMs = this.#made.parts.timers.elapsedMs() - this.#lastReleaseMs
    return this.#refused.hasPlaced || sinceReleaseMs <= 2 * releaseMs
  }

  /** Whether so many refused events wait that nothing more may be read. */
  get isFull(): boolean {
    return this.#refused.isBeyond
  }

  /** Why nothing more may be read, as `records-full`, where there is no room in inboxes either. */
  get lack(): InturnError | undefined {
    return this.isFull ? this.#lack : undefined
  }

  /** Whether refused events of a stream wait here. */
  isWaitedFor(stream: StreamPath): boolean {
    return this.#refused.hasStream(stream)
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
    while (this.#overdue.length > 0) {
      const overdue = this.#overdue.slice(0, parts.batchMax)
      await this.#made.engine.keep(overdue, (index, isKept) => {
        const refused = overdue[index]
        if (refused !== undefined && isKept) this.#leave(refused)
        else if (refused !== undefined) this.#back.push(refused.delivery)
      })
      this.#overdue.splice(0, overdue.length)
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

  /** Has kept in inboxes what waited too long, and what lies beyond the look-ahead. */
  async shed(): Promise<void> {
    const { engine, parts } = this.#made
    const overdue = this.#refused.overdue(parts.timers.elapsedMs(), parts.batchMax)
    if (overdue.length > 0) {
      let kept = 0
      try {
        await engine.keep(overdue, (index, isKept) => {
          const refused = overdue[index]
          if (refused === undefined || !isKept) return
          this.#leave(refused)
          kept++
        })
        this.#lack = kept > 0 ? undefined : noRoom(overdue[0]?.stream)
      } finally {
        this.takeBack(overdue.map(({ delivery }) => delivery))
      }
    }
    await this.flush()
  }

  #takeRefused(delivery: Message, result: ProcessResult): void {
    const { source, parts } = this.#made
    const now = parts.timers.elapsedMs()
    const { stream = '', epoch = 0, sequence = 0 } = result
    const place = { epoch, sequence }
    const refused = { delivery, stream, place, isPlaced: isPlaced(result.reason) }
    const isUnplacedNow = isUnplaced(result.reason)
    // What waits for its domain to go on, for a worker, or for its stream to tell it from others, is not
    // refused for want of room.
    const stays = isUnplacedNow || result.reason === 'paused' || result.reason === 'busy'
    const kept = this.#unsettled.find(stream, delivery, place)
    if (source.kind === 'log') {
      this.#refused.add({ ...refused, sinceMs: now, stays, isUnplaced: isUnplacedNow })
    } else if (kept !== undefined) this.#unsettled.keep(stream, { ...kept, delivery })
    else if (!stays && this.#isOverdue(placeOf(result), now)) this.#overdue.push(refused)
    else this.#back.push(delivery)
  }

  /** A refused event is in its stream's inbox; as long as it may be lost with it, it stays unsettled. */
  #leave({ delivery, stream, place }: Kept<Message>): void {
    this.#refused.remove(delivery)
    this.#refusedSince.delete(placeOf({ stream, ...place }))
    if (this.#made.parts.store.about.durable) this.#done.push(delivery)
    else this.#unsettled.keep(stream, { delivery, place, isInInbox: true })
  }

  #takeKept(delivery: Message, result: ProcessResult, held: Answer['held']): void {
    this.#refused.remove(delivery)
    if (this.#refusedSince.size > 0) this.#refusedSince.delete(placeOf(result))
    if (held === undefined) this.#done.push(delivery)
    else this.#unsettled.keep(held.stream, { delivery, place: held.place })
  }

  /** Whether a queue's refused event has waited too long, or more of them wait than may. */
  #isOverdue(place: string, nowMs: number): boolean {
    const { lookAheadMax, refusePatienceMs } = this.#made.limits
    for (const [old, sinceMs] of this.#refusedSince) {
      // What has not come again for so long has an end with another worker: it comes to each of them in turn.
      if (nowMs - sinceMs < 2 * refusePatienceMs + releaseMs * sharersMax) break
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

function noRoom(stream: StreamPath = ''): InturnError {
  const domain = parseStreamPath(stream)?.domain ?? ''
  const message =
    `refused events of the domain ${domain} are as many as the worker looks ahead, and its inboxes are ` +
    'full (handedOverMax): nothing more is read until its streams go on'
  return new InturnError('records-full', message, { retryable: true })
}
