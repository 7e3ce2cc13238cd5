// The worker: pulls events from a source, has the engine process them, settles what has a durable end, and
// looks after what nothing arrives for. Upholds I4 (settle last), I8 (heartbeats while reading) and I10 (fail
// closed).
//
// States: opening -> reading <-> backing off (store or source failed; the batch in hand is kept, and what is
// due is looked after where it is the source) -> draining -> ended.
import { checkNames, givenText } from '../core/check-names.ts'
import type { Duration } from '../core/duration.ts'
import type { ErrorCode } from '../core/errors.ts'
import { InturnError, invariant } from '../core/errors.ts'
import type { Numbering } from '../core/numbering.ts'
import type { Delivery, Source } from '../ports/source.ts'
import type { Engine } from './batch.ts'
import type { Call } from './call.ts'
import { limit, waitMs } from './check-options.ts'
import type { DomainOptions, TypedDomains } from './domain-options.ts'
import type { EngineParts } from './engine-parts.ts'
import { sizeOf } from './incoming-message.ts'
import type { IdOrder } from './ordered-arrivals.ts'
import { OrderedArrivals } from './ordered-arrivals.ts'
import { Outage } from './outage.ts'
import type { EngineOptions } from './processor-options.ts'
import { makeEngine } from './processor-options.ts'
import { beat, leave } from './quarantine.ts'
import type { RecordRoom } from './record-room.ts'
import { Settlement } from './settlement.ts'
import { SourceFailures } from './source-failures.ts'
import { SourceParts } from './source-parts.ts'
import { sourceToRead } from './source-to-read.ts'
import type { RunEnd } from './standing-streams.ts'
import { caughtUpEnd } from './standing-streams.ts'

/** Options of a worker. */
export interface WorkerOptions<
  Transaction = unknown,
  Message extends Delivery = Delivery,
  Commands = unknown,
  Domains = Readonly<Record<string, DomainOptions<Transaction, Commands>>>,
> extends EngineOptions<Transaction, Commands, Domains> {
  readonly source: Source<Message>
  /** How often the worker looks after what nothing arrives for; at least 1 ms. Default 250 ms. */
  readonly sweepEvery?: Duration
  /**
   * Refused events that are kept while a log is read on; beyond it the oldest go to the inboxes of their
   * streams. Default 100,000.
   */
  readonly lookAheadMax?: number
  /** The same in bytes of what their messages are, for either. Default 256 MiB. */
  readonly lookAheadBytesMax?: number
  /**
   * How long a refused event waits before it goes to the inbox of its stream; at least 1 ms. Default 30 s.
   */
  readonly refusePatience?: Duration
}

/** When a worker ends by itself. */
export interface RunOptions {
  /** `caught-up`: once the source is read and all that can be delivered is. Default: only when stopped. */
  readonly until?: 'caught-up'
}

/** Pulls events from a source and processes them. It runs once: what has ended stays ended. */
export interface Worker {
  /**
   * Runs until stopped. Failures of the store or the source are told to telemetry and waited out, between 50
   * ms and 10 s at a time. Called again, it returns the same promise.
   *
   * @returns how it ended: with `until: 'caught-up'` which streams stand still
   * @throws InturnError when the worker cannot begin for a reason that waiting does not mend;
   * `invariant-violated`
   *   when inturn itself is wrong, `store-replaced` when the file of its store was taken away. What a source
   *   throws that is no InturnError is thrown on
   */
  run(options?: RunOptions): Promise<RunEnd>
  /**
   * Finishes the batch in hand, settles it, and ends. Resolves once it has ended, also where `run` rejects.
   */
  stop(): Promise<void>
  /**
   * Ends at once: handlers' signals fire, and what was not committed is delivered again later. Resolves as
   * `stop`.
   */
  stopNow(): Promise<void>
}

/**
 * Makes a worker.
 *
 * @throws InturnError `config-invalid` for an option that is missing, unknown or out of its range
 * @example
 * const worker = createWorker({ consumer: 'billing', store, source: fileSource('events.ndjson'), domains })
 * await worker.run()
 */
export function createWorker<
  Transaction,
  Message extends Delivery,
  Commands = unknown,
  Data extends Record<string, unknown> = Record<string, unknown>,
  Numbered extends Record<string, Numbering> = Record<string, Numbering>,
>(
  options: WorkerOptions<
    Transaction,
    Message,
    Commands,
    TypedDomains<NoInfer<Transaction>, NoInfer<Commands>, Data, Numbered>
  >,
): Worker
export function createWorker(options: WorkerOptions): Worker {
  const { engine, parts, room, stop } = makeEngine(options, workerNames, options.source)
  const { source } = options
  if (typeof source !== 'object' || source === null || typeof source.read !== 'function') {
    throw new InturnError('config-invalid', "source takes a source, for example fileSource('events.ndjson')")
  }
  const limits = {
    sweepMs: waitMs(options.sweepEvery, { name: 'sweepEvery', fallback: 250 }),
    lookAheadMax: limit(options.lookAheadMax, { name: 'lookAheadMax', fallback: 100_000, least: 1 }),
    lookAheadBytesMax: limit(options.lookAheadBytesMax, {
      name: 'lookAheadBytesMax',
      fallback: 2 ** 28,
      least: 1,
    }),
    refusePatienceMs: waitMs(options.refusePatience, { name: 'refusePatience', fallback: '30s' }),
  }
  return new PullWorker<Delivery>({
    engine,
    parts,
    room,
    stopNow: stop,
    source: sourceToRead(options),
    limits,
  })
}

const workerNames = ['source', 'sweepEvery', 'lookAheadMax', 'lookAheadBytesMax', 'refusePatience']

interface PullWorkerParts<Message extends Delivery> {
  readonly engine: Engine
  readonly parts: EngineParts
  readonly room: RecordRoom
  readonly stopNow: AbortController
  readonly source: Source<Message>
  readonly limits: {
    readonly sweepMs: number
    readonly lookAheadMax: number
    readonly lookAheadBytesMax: number
    readonly refusePatienceMs: number
  }
}

const beatEveryMs = 1_000
/** Nothing has failed for so long, and two sweeps: then store and source work again; in milliseconds. */
const calmMsMin = 3_000
/** What no waiting mends: inturn itself is wrong, or what is open is not what its path names any more. */
const endsWorker: ReadonlySet<ErrorCode> = new Set(['invariant-violated', 'store-replaced'])

/** How long reading waits while something is being worked on: what is done then is settled soon. */
const busyReadMs = 10

/** Messages that are being worked on together. */
interface Flight<Message> {
  /** Rises in the order of reading. */
  readonly nth: number
  readonly messages: readonly Message[]
  readonly call: Call
  /** They were refused before, and are kept until they are answered. */
  readonly areOffers: boolean
}

class PullWorker<Message extends Delivery> implements Worker {
  readonly #engine: Engine
  readonly #parts: EngineParts
  readonly #room: RecordRoom
  readonly #source: Source<Message>
  readonly #sourceFailures = new SourceFailures()
  readonly #sourceParts: SourceParts
  readonly #settlement: Settlement<Message>
  readonly #arrivals: OrderedArrivals<Message>
  readonly #sweepMs: number
  readonly #limits: PullWorkerParts<Message>['limits']
  readonly #stopNow: AbortController
  readonly #draining = new AbortController()
  readonly #opened: (() => Promise<void>)[] = []
  #ended: Promise<RunEnd> | undefined
  #inHand: readonly Message[] = []
  readonly #flights = new Set<Flight<Message>>()
  /** How many messages are being worked on, and how many bytes they are. */
  #flying = 0
  #flyingBytes = 0
  /** Of flights that failed: what has no answer. It goes first, once all flights have ended. */
  #failed: { readonly nth: number; readonly messages: readonly Message[] }[] = []
  #sent = 0
  #failure: { readonly error: unknown } | undefined
  #sweep: Promise<void> | undefined
  #progress = new AbortController()
  #nextSweepMs = 0
  #nextBeatMs = 0
  readonly #outage: Outage
  /** Something that was worked on has ended well since the last failure was told. */
  #isProven = false
  #isDone = false
  /** No batch is processed until there is room for records. */
  #isFull = false
  /** Nothing is read until there is room for refused events. */
  #isStuck = false
  /** Rises with all after which a sweep may find something to do: a batch, refused events that were kept. */
  #stirred = 0
  /** How far that was when a sweep began that found nothing to do. */
  #sweptAt = -1

  constructor(made: PullWorkerParts<Message>) {
    this.#engine = made.engine
    this.#parts = made.parts
    this.#room = made.room
    this.#source = this.#sourceFailures.of(made.source)
    this.#sourceParts = new SourceParts(made.source, made.parts.telemetry)
    this.#stopNow = made.stopNow
    this.#sweepMs = made.limits.sweepMs
    this.#limits = made.limits
    this.#outage = new Outage(Math.max(calmMsMin, 2 * made.limits.sweepMs))
    this.#settlement = new Settlement({ ...made, source: this.#source })
    made.engine.hasUndecided = (stream) =>
      this.#inHand.length > 0 || this.#hasFailed || this.#settlement.isWaitedFor(stream)
    made.engine.hasUnplaced = (stream) => this.#settlement.hasUnplaced(stream)
    this.#arrivals = new OrderedArrivals<Message>({
      timers: made.parts.timers,
      batchMax: made.parts.batchMax,
      orderOf: orderingOf(made),
    })
  }

  run(options: RunOptions = {}): Promise<RunEnd> {
    this.#ended ??= this.#run(options)
    return this.#ended
  }

  async stop(): Promise<void> {
    this.#draining.abort()
    await this.#ended?.catch(() => undefined)
  }

  async stopNow(): Promise<void> {
    this.#stopNow.abort()
    await this.stop()
  }

  async #run(options: RunOptions): Promise<RunEnd> {
    checkNames(options, 'run', ['until'])
    const { until } = options
    if (until !== undefined && until !== 'caught-up') {
      throw new InturnError('config-invalid', `run: until takes 'caught-up', not ${givenText(until)}`)
    }
    let end: RunEnd
    try {
      await this.#openAll()
      end = await this.#loop(options)
    } catch (error) {
      await this.#close().catch(() => undefined)
      throw error
    }
    await this.#close()
    return end
  }

  async #loop({ until }: RunOptions): Promise<RunEnd> {
    while (!this.#isDone && !this.#draining.signal.aborted) {
      await this.#attempt(async () => {
        await this.#round(until)
        this.#isDone = until === 'caught-up' && (await this.#isCaughtUp())
        // Asked first: where a sweep takes longer than until the next is due, one is on its way ever after.
        if (!this.#isDone) this.#sweepWhenDue()
      })
    }
    this.#engine.drain()
    await this.#land()
    await this.#attempt(() => this.#settlement.flush())
    const failure = this.#failure
    // What stopped handlers say is no news; that inturn itself is wrong is.
    if (failure !== undefined && isWrong(failure.error)) throw failure.error
    let end: RunEnd = { isCaughtUp: false, standingCount: 0, standing: [] }
    while (this.#isDone && !end.isCaughtUp && !this.#draining.signal.aborted) {
      await this.#attempt(async () => {
        end = await caughtUpEnd(this.#parts)
      })
    }
    return end
  }

  /**
   * One round: settle what is done, and send what is in hand on its way or read if there is nothing. Nothing
   * here waits for a handler.
   */
  async #round(until: RunOptions['until']): Promise<void> {
    // What is answered from here on ends a wait of this round.
    this.#progress = new AbortController()
    await this.#settlement.shed()
    this.#tellLack()
    if (this.#hasFailed) await this.#recover()
    if (this.#inHand.length === 0) await this.#read(until)
    if (this.#inHand.length > 0 && (await this.#hasRoom()) && !this.#hasFailed) {
      this.#send(this.#inHand, { areOffers: false })
      this.#inHand = []
    }
  }

  /**
   * Whether something has failed that is not in hand again. It counts from the moment of the failure, however
   * long the rest of its call goes on: what is sent behind it would overtake it.
   */
  get #hasFailed(): boolean {
    if (this.#failure !== undefined || this.#failed.length > 0) return true
    return this.#flights.values().some(({ call }) => call.hasFailed)
  }

  /** Whether a sweep has found nothing to do since something has stirred. */
  get #isSwept(): boolean {
    return this.#sweptAt === this.#stirred
  }

  #sweepWhenDue(): void {
    const { timers } = this.#parts
    if (timers.elapsedMs() < this.#nextSweepMs || this.#draining.signal.aborted) return
    if (this.#sweep !== undefined) return
    this.#nextSweepMs = timers.elapsedMs() + this.#sweepMs
    this.#sweep = this.#sweepOnce()
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => {
        this.#sweep = undefined
        this.#wake()
      })
  }

  /** Has the engine work on messages; each is settled as soon as it has its answer. */
  #send(messages: readonly Message[], { areOffers }: { readonly areOffers: boolean }): void {
    let kept = 0
    const offered = areOffers ? messages.map((message) => this.#settlement.asOffer(message)) : messages
    const call = this.#engine.submit(offered, {
      isWaiting: (stream) => !areOffers && this.#settlement.isWaitedFor(stream),
      isAgain: areOffers,
      answered: (answer) => {
        const message = messages[answer.index]
        if (message === undefined) return
        this.#settlement.take(message, answer)
        if (answer.result.verdict !== 'refuse') kept++
        this.#flying--
        this.#flyingBytes -= sizeOf(message)
        this.#wake()
      },
    })
    const flight: Flight<Message> = { nth: ++this.#sent, messages, call, areOffers }
    this.#flights.add(flight)
    this.#flying += messages.length
    for (const message of messages) this.#flyingBytes += sizeOf(message)
    if (!areOffers) this.#stirred++
    call.done
      .then(() => {
        this.#isProven = true
      })
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => {
        this.#end(flight)
        // What was refused may have room now, where something else had.
        if (!areOffers || (kept === 0 && call.moved.size === 0)) return
        this.#stirred++
        this.#offerAgain()
      })
  }

  #end(flight: Flight<Message>): void {
    const { nth, messages, call, areOffers } = flight
    this.#flights.delete(flight)
    const open = messages.filter((_, index) => call.results[index] === undefined)
    this.#flying -= open.length
    for (const message of open) this.#flyingBytes -= sizeOf(message)
    if (areOffers) this.#settlement.takeBack(open)
    else if (open.length > 0) this.#failed.push({ nth, messages: open })
    this.#wake()
  }

  #offerAgain(): void {
    if (this.#hasFailed || this.#draining.signal.aborted) return
    const offers = this.#settlement.offers()
    if (offers.length > 0) this.#send(offers, { areOffers: true })
  }

  /** Looks after what nothing arrives for. */
  async #sweepOnce(): Promise<void> {
    const { batchMax } = this.#parts
    // A stream whose job ends meanwhile may have been looked at before that. Offers tell what comes of them,
    // and are made after each sweep: those that come to nothing must not have it made once more.
    const isMoving = (): boolean =>
      this.#engine.healing.isRunning || this.#flights.values().some(({ areOffers }) => !areOffers)
    const [stirred, wasMoving] = [this.#stirred, isMoving()]
    const moved = await this.#engine.sweep(batchMax)
    this.#sweptAt = moved === 0 && !wasMoving && !isMoving() ? stirred : -1
    this.#offerAgain()
    if (moved >= batchMax) this.#nextSweepMs = 0
  }

  /** Something failed: once all flights have ended, takes back what has no answer, and says so. */
  async #recover(): Promise<void> {
    await this.#land()
    const failure = this.#failure
    this.#failure = undefined
    // In the order of reading: what was read after it comes after it.
    const failed = this.#failed.sort((one, other) => one.nth - other.nth)
    this.#inHand = [...failed.flatMap(({ messages }) => messages), ...this.#inHand]
    this.#failed = []
    invariant(failure !== undefined, 'something failed, and nobody knows why')
    throw failure.error
  }

  /** Resolves once nothing is being worked on. */
  async #land(): Promise<void> {
    while (this.#flights.size > 0 || this.#sweep !== undefined) {
      await Promise.allSettled([...[...this.#flights].map(({ call }) => call.done), this.#sweep])
    }
    await this.#engine.landed()
  }

  /**
   * Reads the next batch, unless so much waits that nothing more may be read. Time counts only if it
   * succeeds.
   */
  async #read(until: RunOptions['until']): Promise<void> {
    const { timers, batchMax } = this.#parts
    const sweepInMs = this.#sweep === undefined ? this.#nextSweepMs - timers.elapsedMs() : this.#sweepMs
    const waitMs = Math.min(Math.max(0, sweepInMs), this.#arrivals.nextInMs)
    if (this.#settlement.isFull || this.#engine.waiting >= batchMax || this.#isFarAhead) {
      await this.#waitForProgress(waitMs)
      if (this.#settlement.isFull) this.#inHand = this.#arrivals.pass([])
      return
    }
    const isBusy = this.#flights.size > 0 || this.#sweep !== undefined
    // Where nothing comes any more, whoever runs until the end waits for no sweep that is due later.
    const isShort = isBusy || (until !== undefined && !this.#isSwept)
    const { signal } = this.#draining
    const read = { max: batchMax, waitMs: isShort ? Math.min(waitMs, busyReadMs) : waitMs, signal }
    this.#inHand = this.#arrivals.pass(await this.#source.read(read))
    await this.#beat()
  }

  /** Whether as much is being worked on as may be. */
  get #isFarAhead(): boolean {
    const { lookAheadMax, lookAheadBytesMax } = this.#limits
    return this.#flying >= lookAheadMax || this.#flyingBytes >= lookAheadBytesMax
  }

  /** Waits until something has an answer that had none when the round began; no longer than for the sweep. */
  async #waitForProgress(ms: number): Promise<void> {
    await this.#parts.timers.sleep(ms, AbortSignal.any([this.#progress.signal, this.#draining.signal]))
  }

  #wake(): void {
    // An `abort` without a reason makes an error with its stack, whether it is news or not.
    if (!this.#progress.signal.aborted) this.#progress.abort('progress')
  }

  /** Says once that refused events have no room anywhere, and once that they have. */
  #tellLack(): void {
    const { lack } = this.#settlement
    if ((lack !== undefined) === this.#isStuck) return
    this.#isStuck = lack !== undefined
    this.#parts.telemetry({ kind: 'records-full', ...(lack !== undefined && { error: lack }) })
  }

  /** Whether there is room for a batch's records; if not, that is told, and waited for between sweeps. */
  async #hasRoom(): Promise<boolean> {
    const { telemetry, timers } = this.#parts
    const lack = await this.#room.lack()
    if (lack !== undefined) {
      if (!this.#isFull) telemetry({ kind: 'records-full', error: lack })
      await timers.sleep(this.#sweepMs, this.#draining.signal)
    } else if (this.#isFull) telemetry({ kind: 'records-full' })
    this.#isFull = lack !== undefined
    return !this.#isFull
  }

  /** Says that the source is being read. */
  async #beat(): Promise<void> {
    const { timers } = this.#parts
    if (timers.elapsedMs() < this.#nextBeatMs) return
    await beat(this.#parts)
    await this.#sourceParts.tell(timers.elapsedMs())
    this.#nextBeatMs = timers.elapsedMs() + beatEveryMs
  }

  async #isCaughtUp(): Promise<boolean> {
    if (this.#inHand.length > 0 || this.#settlement.isWaiting || this.#arrivals.isWaiting) return false
    if (this.#flights.size > 0 || this.#sweep !== undefined || this.#settlement.hasNews) return false
    if (!(await this.#source.isCaughtUp())) return false
    if (this.#engine.healing.isRunning || this.#engine.isLooking) return false
    if (!this.#isSwept) {
      this.#nextSweepMs = 0
      return false
    }
    return !(await this.#engine.healing.isLeft()) && !(await this.#engine.hasRetries())
  }

  /** Whether nothing has failed, and something has ended well since the last failure was told. */
  #isWell(): boolean {
    if (this.#hasFailed) return false
    return this.#isProven || (this.#flights.size === 0 && this.#sweep === undefined)
  }

  /** Runs a part of the loop. A failure of store or source is told and waited out; whether it went well. */
  async #attempt(part: () => Promise<void>, phase?: 'opening'): Promise<boolean> {
    const { telemetry, timers, random } = this.#parts
    try {
      await part()
      // A worker that is told to end has nothing in hand, and learns of no store whether it works again.
      if (this.#isWell() && !this.#draining.signal.aborted) {
        // What is caught up has nothing left that might fail.
        const nowMs = this.#isDone ? Infinity : timers.elapsedMs()
        if (this.#outage.ended(nowMs)) telemetry({ kind: 'recovered' })
      }
      return true
    } catch (error) {
      if (this.#stopNow.signal.aborted) return false
      if (!(error instanceof InturnError) || endsWorker.has(error.code)) throw error
      if (phase === 'opening' && !error.retryable) throw error
      const retryInMs = this.#outage.failed(timers.elapsedMs(), random)
      this.#isProven = false
      const kind = this.#sourceFailures.has(error) ? 'source-failed' : 'store-failed'
      telemetry({ kind, error, retryInMs })
      if (kind === 'source-failed' && phase === undefined) await this.#sweepFor(retryInMs)
      else await timers.sleep(retryInMs, this.#draining.signal)
      return false
    }
  }

  /** Waits so long, and looks after what nothing arrives for: what is due needs no source. */
  async #sweepFor(ms: number): Promise<void> {
    const { timers } = this.#parts
    const untilMs = timers.elapsedMs() + ms
    for (let leftMs = ms; leftMs > 0 && !this.#draining.signal.aborted;) {
      if (!this.#hasFailed) this.#sweepWhenDue()
      await timers.sleep(Math.min(leftMs, this.#sweepMs), this.#draining.signal)
      leftMs = untilMs - timers.elapsedMs()
    }
  }

  /** Opens the store, then the source; waits out what waiting mends. */
  async #openAll(): Promise<void> {
    const { store, consumer, life: holder } = this.#parts
    const source = this.#source
    const noteOf = (part: string | undefined): string =>
      part === undefined ? source.name : `${source.name}, ${part}`
    await this.#open({ close: () => leave(this.#parts).then(() => store.close()) }, () => store.open())
    await this.#open(source, () =>
      source.open({
        load: (part) => store.checkpoint(consumer, noteOf(part)),
        save: async (note, part) => void (await store.checkpoint(consumer, noteOf(part), note)),
        lease: (part, ms) => store.lease(`${consumer} reads ${noteOf(part)}`, { holder, ms }),
      }),
    )
  }

  async #open(port: { close(): Promise<void> }, open: () => Promise<void>): Promise<void> {
    let isOpen = false
    while (!isOpen && !this.#draining.signal.aborted) isOpen = await this.#attempt(open, 'opening')
    if (isOpen) this.#opened.unshift(() => port.close())
  }

  /** Closes what was opened, the source first: it keeps in the store how far it was settled. */
  async #close(): Promise<void> {
    await this.#engine.healing.end()
    this.#parts.ended()
    const [close, ...others] = this.#opened.splice(0)
    try {
      await close?.()
    } finally {
      for (const other of others) await other()
    }
  }
}

/** Whether an error is none that waiting mends. */
function isWrong(error: unknown): boolean {
  return !(error instanceof InturnError) || endsWorker.has(error.code)
}

/** How messages are ordered by their ids; none is looked into where no domain wants that. */
function orderingOf({
  engine,
  parts,
}: {
  readonly engine: Engine
  readonly parts: EngineParts
}): (message: Delivery) => IdOrder | undefined {
  const wanted = parts.domains.byName
    .values()
    .some((domain) => domain.kind === 'unordered' && domain.numbering.orderWithin !== undefined)
  return wanted ? (message) => engine.orderOf(message) : () => undefined
}
