// Works batches of streams off until each of their events has an end: has them claimed, decided and
// committed, hands over what is busy, and follows up what was handed over meanwhile. Upholds I3 and I5:
// insert first, then try the claim; release first, then look again.
import type { TrackedEvent } from '../core/event.ts'
import type { Position } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { StreamState } from '../core/stream-state.ts'
import { errorText } from '../core/thrown.ts'
import type { HandedOver } from '../ports/records.ts'
import { isEvent } from '../ports/store.ts'
import { ClaimedWork } from './claimed-work.ts'
import type { HandlerCaller } from './delivery.ts'
import type { EngineParts } from './engine-parts.ts'
import { handlerEvent } from './handler-event.ts'
import type { HealPlan } from './healing/healing.ts'
import type { TrackedIntake } from './intake.ts'
import type { PlannedTurn, PlanOptions } from './plan-turns.ts'
import type { ProcessResult } from './process-result.ts'
import type { StreamBatch } from './stream-batch.ts'
import type { IndexedBatch } from './stream-batches.ts'
import { emptyBatches } from './stream-batches.ts'
import { TransactionWork } from './transaction-work.ts'
import { newsOf } from './turn-news.ts'
import type { Turn } from './turn.ts'
import type { WorkResult } from './work-result.ts'

/** How often a claim that was lost, or an event that was handed over, is followed up in one call. */
const followUpsMax = 100

/** One call's work, and where its results go. */
export interface StreamJob {
  readonly results: ProcessResult[]
  readonly isSweep: boolean
  /** Streams of which events were fetched and are not decided: none of their gaps is given up. */
  readonly undecided: ReadonlySet<StreamPath>
  /** Stores that are not durable: the last state of each stream that had a turn. */
  readonly states: Map<StreamPath, StreamState>
  /** Streams for which something was decided. */
  readonly moved: Set<StreamPath>
  /** Streams with dead letters that an operator has tried again, as they are met. */
  readonly redrives: Set<StreamPath>
  /** What each turn notes about the healing of its stream's gaps. */
  readonly heal?: HealPlan
  /** Makes the name of a worker: each unit of work has its own, so that they exclude each other. */
  readonly nextWorker: () => string
}

/** Works on batches of streams. */
export class StreamWork {
  readonly #parts: EngineParts
  readonly #transaction: TransactionWork
  readonly #claimed: ClaimedWork
  /** Stores that are not durable: is told where a stream stands after each of its turns. */
  onPosition: ((stream: StreamPath, position: Position) => void) | undefined
  /** Is told each turn that is durable. */
  onTurn: ((turn: Turn) => void) | undefined

  constructor(parts: EngineParts, caller: HandlerCaller) {
    this.#parts = parts
    this.#transaction = new TransactionWork(parts, caller)
    this.#claimed = new ClaimedWork(parts, caller)
  }

  /** Works batches of one kind of effects off; each of their messages has a result then. */
  async workOff(batches: readonly IndexedBatch[], job: StreamJob): Promise<void> {
    let open: readonly IndexedBatch[] = batches
    for (let round = 0; open.length > 0 && round < followUpsMax; round++) {
      const takesHandedOver = job.isSweep || round > 0
      const result = await this.#run(open, { ...job, takesHandedOver }, job.nextWorker())
      this.#takeAll(result.done, open, job)
      const handedOver = await this.#handOver(batchesOf(result.busy, open), job.results)
      const again = emptyBatches(this.#parts.domains, [...new Set([...handedOver, ...result.again])])
      open = [
        ...batchesOf(result.lost, open),
        // Dead letters that are tried again wait for the sweep, and what came behind them does too.
        ...again.filter(
          ({ path }) => !job.redrives.has(path) && !result.lost.some((lost) => lost.path === path),
        ),
      ]
    }
    for (const batch of batches) {
      batch.indexes.forEach((index, at) => {
        const place = placeOf(batch, batch.arrivals[at])
        job.results[index] ??= { ...place, verdict: 'refuse', reason: 'busy' }
      })
    }
  }

  #run(batches: readonly StreamBatch[], options: PlanOptions, worker: string): Promise<WorkResult> {
    const runner = batches[0]?.domain.effects === 'transaction' ? this.#transaction : this.#claimed
    return runner.run(batches, options, worker)
  }

  #takeAll(done: readonly PlannedTurn[], open: readonly IndexedBatch[], job: StreamJob): void {
    const indexed = new Map<StreamBatch, IndexedBatch>(open.map((batch) => [batch, batch]))
    for (const planned of done) {
      const { turn } = planned
      for (const news of newsOf(turn)) this.#parts.telemetry(news)
      this.onTurn?.(turn)
      if (!turn.isIdle) job.moved.add(planned.batch.path)
      if (!this.#parts.store.durable) this.#takeState(turn, job)
      const batch = indexed.get(planned.batch)
      if (batch !== undefined) takeResults(planned, batch, job.results)
    }
  }

  #takeState({ setup, state }: Turn, { states }: StreamJob): void {
    states.set(setup.path, state)
    const { epoch, position: sequence } = state
    if (sequence !== undefined) this.onPosition?.(setup.path, { epoch, sequence })
  }

  /** Keeps the events of busy streams for the worker that has them; returns the streams to try again now. */
  async #handOver(busy: readonly IndexedBatch[], results: ProcessResult[]): Promise<readonly StreamPath[]> {
    const { store, consumer } = this.#parts
    const loaded = busy.filter(({ indexes }) => indexes.length > 0)
    if (loaded.length === 0 || !store.durable) return []
    const full = await this.#fullDomains(loaded)
    const room = loaded.filter(({ domain }) => !full.has(domain.name))
    const events = room.flatMap(({ path, arrivals }) =>
      arrivals.map(({ event }): HandedOver => ({ stream: path, arrival: event })),
    )
    const free = events.length === 0 ? [] : await store.handOver(consumer, events)
    for (const batch of loaded) {
      const isFull = full.has(batch.domain.name)
      batch.indexes.forEach((index, at) => {
        const place = placeOf(batch, batch.arrivals[at])
        results[index] = isFull
          ? { ...place, verdict: 'refuse', reason: 'handed-over-full' }
          : { ...place, verdict: 'handed-over' }
      })
    }
    return free
  }

  async #fullDomains(batches: readonly IndexedBatch[]): Promise<ReadonlySet<string>> {
    const { store, consumer } = this.#parts
    const { domains } = await store.reader.summary(consumer)
    const isFull = ({ domain }: IndexedBatch): boolean =>
      (domains.get(domain.name)?.handedOver ?? 0) >= domain.handedOverMax
    return new Set(batches.filter(isFull).map(({ domain }) => domain.name))
  }
}

/** The verdicts of a turn as results; the turns that follow the first one of a batch have none. */
function takeResults({ turn, earlier }: PlannedTurn, batch: IndexedBatch, results: ProcessResult[]): void {
  const { indexes, arrivals, path, domain } = batch
  const { verdicts, failures } = turn
  for (let at = 0; at < indexes.length; at++) {
    const [index, decided] = [indexes[at], verdicts[earlier + at]]
    if (index === undefined) continue
    if (decided !== undefined) {
      const released = decided.released.map((event) => handlerEvent(domain, event))
      results[index] = { ...decided, stream: path, released }
    } else results[index] ??= { ...placeOf(batch, arrivals[at]), verdict: 'refuse', reason: 'stream-full' }
  }
  // What was held only to be delivered with care is delivered now.
  const run = turn.setup.runsMarked ? turn.deliveries : []
  for (const { event } of run) amend(results, indexes, { event, verdict: 'deliver' })
  for (const { delivery, error, answer } of failures) {
    const { reason } = answer
    const refused = reason === 'schema' && { reason }
    amend(results, indexes, { event: delivery.event, error: errorText(error), ...refused })
  }
}

/** Adds to the result of an event of the batch what became of it later. */
function amend(
  results: ProcessResult[],
  indexes: readonly number[],
  { event, ...later }: Partial<ProcessResult> & { readonly event: TrackedEvent },
): void {
  const { epoch, sequence } = event
  for (const index of indexes) {
    const result = results[index]
    if (result?.epoch !== epoch || result.sequence !== sequence || result.verdict === 'duplicate') continue
    results[index] = { ...result, ...later }
    return
  }
}

/** Where an event that was not decided belongs. */
function placeOf(
  { path: stream }: StreamBatch,
  intake: TrackedIntake | undefined,
): Pick<ProcessResult, 'stream' | 'epoch' | 'sequence' | 'released'> {
  if (intake === undefined) return { stream, released: [] }
  const { event } = intake
  const sequence = isEvent(event) ? event.sequence : event.fill.from
  return { stream, epoch: event.epoch, ...(sequence !== undefined && { sequence }), released: [] }
}

function batchesOf(batches: readonly StreamBatch[], open: readonly IndexedBatch[]): readonly IndexedBatch[] {
  const wanted = new Set<StreamBatch>(batches)
  return open.filter((batch) => wanted.has(batch))
}
