// The worker: pulls events from a source, has the engine process them, settles what has a durable end, and
// looks after what nothing arrives for. Upholds I4 (settle last), I8 (heartbeats while reading) and I10 (fail
// closed).
//
// States: opening -> reading <-> backing off (store or source failed; the batch in hand is kept) -> draining
// -> ended.
import type { Duration } from '../core/duration.ts'
import type { ErrorCode } from '../core/errors.ts'
import { InturnError } from '../core/errors.ts'
import type { Delivery, Source } from '../ports/source.ts'
import { limit, waitMs } from './check-options.ts'
import type { EngineParts } from './engine-parts.ts'
import type { Engine } from './engine.ts'
import type { IdOrder } from './ordered-arrivals.ts'
import { OrderedArrivals } from './ordered-arrivals.ts'
import { beat, leave } from './presence.ts'
import type { ProcessorOptions } from './processor-options.ts'
import { makeEngine } from './processor-options.ts'
import type { RecordRoom } from './record-room.ts'
import { Settlement } from './settlement.ts'
import { SourceFailures } from './source-failures.ts'
import { sourceToRead } from './source-to-read.ts'

/** Options of a worker. */
export interface WorkerOptions<
  Transaction = unknown,
  Message extends Delivery = Delivery,
  Commands = unknown,
> extends ProcessorOptions<Transaction, Commands> {
  readonly source: Source<Message>
  /** How often the worker looks after what nothing arrives for; at least 1 ms. Default 250 ms. */
  readonly sweepEvery?: Duration
  /** Refused events that are kept while a log is read on; beyond it the oldest overflow. Default 100,000. */
  readonly lookAheadMax?: number
  /**
   * How long a refused event waits before it becomes a dead letter `overflow`; at least 1 ms. Default 30 s.
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
   * @throws InturnError when the worker cannot begin for a reason that waiting does not mend;
   * `invariant-violated`
   *   when inturn itself is wrong, `store-replaced` when the file of its store was taken away. What a source
   *   throws that is no InturnError is thrown on
   */
  run(options?: RunOptions): Promise<void>
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
export function createWorker<Transaction, Message extends Delivery, Commands = unknown>(
  options: WorkerOptions<Transaction, Message, Commands>,
): Worker {
  const { engine, parts, room, stop } = makeEngine(options, workerNames)
  const { source } = options
  if (typeof source !== 'object' || source === null || typeof source.read !== 'function') {
    throw new InturnError('config-invalid', "source takes a source, for example fileSource('events.ndjson')")
  }
  const limits = {
    sweepMs: waitMs(options.sweepEvery, { name: 'sweepEvery', fallback: 250 }),
    lookAheadMax: limit(options.lookAheadMax, { name: 'lookAheadMax', fallback: 100_000, least: 1 }),
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

const workerNames = ['source', 'sweepEvery', 'lookAheadMax', 'refusePatience']

interface PullWorkerParts<Message extends Delivery> {
  readonly engine: Engine
  readonly parts: EngineParts
  readonly room: RecordRoom
  readonly stopNow: AbortController
  readonly source: Source<Message>
  readonly limits: {
    readonly sweepMs: number
    readonly lookAheadMax: number
    readonly refusePatienceMs: number
  }
}

const beatEveryMs = 1_000
const firstRetryMs = 100
const longestRetryMs = 10_000
/** What no waiting mends: inturn itself is wrong, or what is open is not what its path names any more. */
const endsWorker: ReadonlySet<ErrorCode> = new Set(['invariant-violated', 'store-replaced'])

class PullWorker<Message extends Delivery> implements Worker {
  readonly #engine: Engine
  readonly #parts: EngineParts
  readonly #room: RecordRoom
  readonly #source: Source<Message>
  readonly #sourceFailures = new SourceFailures()
  readonly #settlement: Settlement<Message>
  readonly #arrivals: OrderedArrivals<Message>
  readonly #sweepMs: number
  readonly #stopNow: AbortController
  readonly #draining = new AbortController()
  readonly #opened: (() => Promise<void>)[] = []
  #ended: Promise<void> | undefined
  #inHand: readonly Message[] = []
  #nextSweepMs = 0
  #nextBeatMs = 0
  #failures = 0
  #isDone = false
  /** No batch is processed until there is room for records. */
  #isFull = false
  /** Whether a sweep has found nothing to do since the last batch. */
  #isSwept = false

  constructor(made: PullWorkerParts<Message>) {
    this.#engine = made.engine
    this.#parts = made.parts
    this.#room = made.room
    this.#source = this.#sourceFailures.of(made.source)
    this.#stopNow = made.stopNow
    this.#sweepMs = made.limits.sweepMs
    this.#settlement = new Settlement({ ...made, source: this.#source })
    this.#arrivals = new OrderedArrivals<Message>({
      timers: made.parts.timers,
      batchMax: made.parts.batchMax,
      orderOf: orderingOf(made),
    })
  }

  run(options: RunOptions = {}): Promise<void> {
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

  async #run(options: RunOptions): Promise<void> {
    try {
      await this.#openAll()
      await this.#loop(options)
    } catch (error) {
      await this.#close().catch(() => undefined)
      throw error
    }
    await this.#close()
  }

  async #loop({ until }: RunOptions): Promise<void> {
    while (!this.#isDone && !this.#draining.signal.aborted) {
      await this.#attempt(async () => {
        await this.#turn()
        this.#isDone = until === 'caught-up' && (await this.#isCaughtUp())
      })
    }
  }

  /** One round: read if there is nothing in hand, process, settle, and sweep when it is time. */
  async #turn(): Promise<void> {
    const { timers, batchMax } = this.#parts
    await this.#settlement.flush()
    if (this.#inHand.length === 0) await this.#read()
    if (this.#inHand.length > 0 && (await this.#hasRoom())) {
      const taken = await this.#engine.process(this.#inHand, this.#settlement.waitingStreams())
      this.#settlement.take(this.#inHand, taken)
      this.#inHand = []
      this.#isSwept = false
      await this.#settlement.flush()
      if (this.#settlement.isFull) await this.#settlement.shed()
    }
    if (timers.elapsedMs() < this.#nextSweepMs || this.#draining.signal.aborted) return
    await this.#settlement.offerAgain()
    const moved = await this.#engine.sweep(batchMax, this.#settlement.waitingStreams())
    await this.#settlement.flush()
    this.#isSwept = moved === 0 && !this.#engine.healing.isRunning
    if (moved < batchMax) this.#nextSweepMs = timers.elapsedMs() + this.#sweepMs
  }

  /**
   * Reads the next batch, unless so much waits that nothing more may be read. Time counts only if it
   * succeeds.
   */
  async #read(): Promise<void> {
    const { timers, batchMax } = this.#parts
    const waitMs = Math.max(0, this.#nextSweepMs - timers.elapsedMs())
    const { signal } = this.#draining
    if (this.#settlement.isFull) {
      await timers.sleep(Math.min(waitMs, this.#arrivals.nextInMs), signal)
      this.#inHand = this.#arrivals.pass([])
      return
    }
    const read = { max: batchMax, waitMs: Math.min(waitMs, this.#arrivals.nextInMs), signal }
    this.#inHand = this.#arrivals.pass(await this.#source.read(read))
    await this.#beat()
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
    this.#nextBeatMs = timers.elapsedMs() + beatEveryMs
  }

  async #isCaughtUp(): Promise<boolean> {
    if (this.#inHand.length > 0 || this.#settlement.isWaiting || this.#arrivals.isWaiting) return false
    if (!(await this.#source.isCaughtUp())) return false
    if (this.#engine.healing.isRunning) return false
    if (!this.#isSwept) {
      this.#nextSweepMs = 0
      return false
    }
    return !(await this.#engine.hasRetries()) && !(await this.#engine.healing.isLeft())
  }

  /** Runs a part of the loop. A failure of store or source is told and waited out; whether it went well. */
  async #attempt(part: () => Promise<void>, phase?: 'opening'): Promise<boolean> {
    const { telemetry, timers, random } = this.#parts
    try {
      await part()
      if (this.#failures > 0) telemetry({ kind: 'recovered' })
      this.#failures = 0
      return true
    } catch (error) {
      if (this.#stopNow.signal.aborted) return false
      if (!(error instanceof InturnError) || endsWorker.has(error.code)) throw error
      if (phase === 'opening' && !error.retryable) throw error
      const ceiling = Math.min(longestRetryMs, firstRetryMs * 2 ** this.#failures)
      const retryInMs = Math.ceil((ceiling * (1 + random.next())) / 2)
      this.#failures++
      const kind = this.#sourceFailures.has(error) ? 'source-failed' : 'store-failed'
      telemetry({ kind, error, retryInMs })
      await timers.sleep(retryInMs, this.#draining.signal)
      return false
    }
  }

  /** Opens the store, then the source; waits out what waiting mends. */
  async #openAll(): Promise<void> {
    const { store, consumer } = this.#parts
    const source = this.#source
    await this.#open({ close: () => leave(this.#parts).then(() => store.close()) }, () => store.open())
    await this.#open(source, () =>
      source.open({
        load: () => store.checkpoint(consumer, source.name),
        save: (value) => store.saveCheckpoint(consumer, source.name, value),
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
    const [close, ...others] = this.#opened.splice(0)
    try {
      await close?.()
    } finally {
      for (const other of others) await other()
    }
  }
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
