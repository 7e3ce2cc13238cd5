// The engine: carries an event's way from the messages of a batch to durable ends. What cannot be read is
// buried, streams are worked off, events without tracking run at once; the sweep looks after what nothing
// arrives for. Upholds I2, I3 and I8.
import { heldSpanAt } from '../core/held-spans.ts'
import type { Position } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { HandlerCaller } from './delivery.ts'
import type { EngineParts } from './engine-parts.ts'
import type { HealPlan } from './healing/healing.ts'
import { Healing } from './healing/healing.ts'
import type { IncomingMessage } from './incoming-message.ts'
import type { Intake, Intaker, UnorderedIntake } from './intake.ts'
import type { IdOrder } from './ordered-arrivals.ts'
import { overflowWork } from './overflow-work.ts'
import type { ProcessResult } from './process-result.ts'
import { RedriveWork } from './redrive-work.ts'
import type { IndexedBatch } from './stream-batches.ts'
import { batchesByEffects, byEffects, emptyBatches, isUntracked } from './stream-batches.ts'
import type { StreamJob } from './stream-work.ts'
import { StreamWork } from './stream-work.ts'
import { deadLetterNews } from './turn-news.ts'
import { UnorderedWork } from './unordered-work.ts'

/** A message whose event, or fill, is held. */
export interface HeldMessage {
  /** Which message of the call, from 0. */
  readonly index: number
  readonly stream: StreamPath
  /** The event's number, or the last one of a fill: held until the stream's position has reached it. */
  readonly place: Position
}

/** What a call to the engine came to. */
export interface EngineResult {
  /** One per message. */
  readonly results: readonly ProcessResult[]
  /** Messages that are held, where the store is not durable; else none. */
  readonly held: readonly HeldMessage[]
}

const none: ReadonlySet<StreamPath> = new Set()

/** Carries the rules out for one consumer. */
export class Engine {
  readonly #parts: EngineParts
  readonly #intaker: Intaker
  readonly #streams: StreamWork
  readonly #unordered: UnorderedWork
  readonly #redrives: RedriveWork
  /** The jobs that heal gaps beside all else. Whoever owns the engine ends them. */
  readonly healing: Healing
  /** Domains that were told of an event whose numbers are rounded. */
  readonly #inexact = new Set<string>()
  #calls = 0

  constructor(parts: EngineParts, intaker: Intaker) {
    const caller = new HandlerCaller(parts)
    this.#parts = parts
    this.#intaker = intaker
    this.#streams = new StreamWork(parts, caller)
    this.#unordered = new UnorderedWork(parts, caller)
    this.#redrives = new RedriveWork(parts, caller, () => this.#nextWorker())
    this.healing = new Healing(parts, {
      process: async (messages) => (await this.process(messages)).results,
      runNote: (path, heal) => this.#runNote(path, heal),
      nextWorker: () => this.#nextWorker(),
    })
    this.#streams.onTurn = (turn) => this.healing.takeTurn(turn)
  }

  /** With a store that is not durable: has somebody told where a stream stands after each of its turns. */
  tellPositions(tell: (stream: StreamPath, position: Position) => void): void {
    this.#streams.onPosition = tell
  }

  /** How a message is ordered by its id, where its domain wants that. */
  orderOf(message: IncomingMessage): IdOrder | undefined {
    return this.#intaker.orderOf(message)
  }

  /**
   * Processes messages; when it resolves, every result but `refuse` is durable.
   *
   * @param waiting - streams of which earlier events were refused and come again: where a later number would
   * overtake
   *   them for good (increasing numbering), it is refused too
   */
  async process(
    messages: readonly IncomingMessage[],
    waiting: ReadonlySet<StreamPath> = none,
  ): Promise<EngineResult> {
    const intakes = this.#readAll(messages)
    this.#tellInexact(intakes)
    const job = this.#job({ isSweep: false, undecided: none })
    await this.#bury(intakes, job.results)
    const open = waiting.size === 0 ? intakes : intakes.map((intake) => mayPass(intake, waiting))
    for (const batches of batchesByEffects(open)) await this.#streams.workOff(batches, job)
    await this.#processUnordered(intakes, job.results)
    const results = intakes.map((intake, index) => job.results[index] ?? refused(intake))
    this.#tell(results)
    return { results, held: this.#parts.store.durable ? [] : heldAmong(results, job) }
  }

  /**
   * Looks at streams that are due though nothing arrives; returns for how many something was decided. Due
   * streams of domains that are not configured (any more) are left alone and keep no others waiting.
   */
  async sweep(limit: number, undecided: ReadonlySet<StreamPath> = none): Promise<number> {
    await this.healing.look()
    const keepsGaps = this.healing.isRunning ? new Set([...undecided, ...this.healing.paths]) : undecided
    const job = this.#job({ isSweep: true, undecided: keepsGaps, heal: this.healing.plan() })
    for (const batches of byEffects(await this.#due(limit, job))) await this.#streams.workOff(batches, job)
    for (const stream of await this.#redrives.run(job.redrives)) job.moved.add(stream)
    return job.moved.size
  }

  /**
   * Puts refused messages aside as dead letters that their streams take back; which of them were put aside.
   */
  async overflow(messages: readonly IncomingMessage[]): Promise<readonly boolean[]> {
    const aside: boolean[] = messages.map(() => false)
    for (const batches of batchesByEffects(this.#readAll(messages))) {
      const done = new Set(await overflowWork(this.#parts, batches, this.#nextWorker()))
      for (const batch of batches) {
        if (done.has(batch)) for (const index of batch.indexes) aside[index] = true
      }
    }
    return aside
  }

  /** Whether a failed event of one of our streams waits for its next attempt. */
  async hasRetries(): Promise<boolean> {
    const { store, consumer, domains } = this.#parts
    if ((await store.reader.summary(consumer)).failing === 0) return false
    for (const domain of domains.byName.keys()) {
      const query = { domain, onlyWaiting: true, limit: 500 }
      let page = await store.reader.streams(consumer, query)
      while (page.length > 0) {
        if (page.some(({ state }) => state.failing?.retryAt !== undefined && !state.halt)) return true
        const after = page.at(-1)?.stream ?? ''
        page = page.length < query.limit ? [] : await store.reader.streams(consumer, { ...query, after })
      }
    }
    return false
  }

  #readAll(messages: readonly IncomingMessage[]): readonly Intake[] {
    return messages.map((message) => this.#intaker.read(message))
  }

  async #bury(intakes: readonly Intake[], results: ProcessResult[]): Promise<void> {
    const letters = [...intakes.entries()].flatMap(([index, intake]) =>
      intake.kind === 'invalid' ? [{ index, letter: intake.deadLetter }] : [],
    )
    if (letters.length === 0) return
    const { store, consumer, telemetry } = this.#parts
    const at = await store.now()
    const deadLetters = letters.map(({ letter }) => ({ ...letter, at }))
    await store.record(consumer, { deadLetters })
    for (const letter of deadLetters) telemetry(deadLetterNews(letter))
    for (const { index, letter } of letters) {
      const { detail, stream } = letter
      results[index] = { verdict: 'invalid', detail, released: [], ...(stream !== undefined && { stream }) }
    }
  }

  async #processUnordered(intakes: readonly Intake[], results: ProcessResult[]): Promise<void> {
    const entries = [...intakes.entries()].filter(
      (entry): entry is [number, UnorderedIntake] => entry[1].kind === 'unordered',
    )
    for (const group of Map.groupBy(entries, ([, { domain }]) => domain.effects).values()) {
      const own = await this.#unordered.run(
        group.map(([, intake]) => intake),
        this.#nextWorker(),
      )
      group.forEach(([index], at) => {
        const result = own[at]
        if (result !== undefined) results[index] = result
      })
    }
  }

  /** Due streams of our domains. */
  async #due(limit: number, { redrives }: StreamJob): Promise<readonly IndexedBatch[]> {
    const { store, consumer, domains } = this.#parts
    const due = await store.due(consumer, limit, [...domains.byName.keys()])
    // Nothing but a dead letter that is tried again makes a stream without tracking due.
    for (const path of due) if (isUntracked(domains, path)) redrives.add(path)
    return emptyBatches(domains, due)
  }

  async #runNote(path: StreamPath, heal: HealPlan): Promise<void> {
    const job = this.#job({ isSweep: false, undecided: none, heal })
    const batches = byEffects(emptyBatches(this.#parts.domains, [path]))
    for (const batch of batches) await this.#streams.workOff(batch, job)
  }

  #job(how: Pick<StreamJob, 'isSweep' | 'undecided' | 'heal'>): StreamJob {
    const nextWorker = (): string => this.#nextWorker()
    return { ...how, results: [], states: new Map(), moved: new Set(), redrives: new Set(), nextWorker }
  }

  /** A claim belongs to one call: two calls of one worker exclude each other like two workers. */
  #nextWorker(): string {
    return `${this.#parts.worker}#${++this.#calls}`
  }

  #tellInexact(intakes: readonly Intake[]): void {
    for (const intake of intakes) {
      if (intake.kind === 'invalid' || 'fill' in intake.event) continue
      const { domain, path: stream, event } = intake
      const [place] = event.inexact ?? []
      if (place === undefined || domain.exactNumbers || this.#inexact.has(domain.name)) continue
      this.#inexact.add(domain.name)
      const { sequence } = event
      const news = { kind: 'inexact', domain: domain.name, stream, place } as const
      this.#parts.telemetry({ ...news, ...(sequence !== undefined && { sequence }) })
    }
  }

  #tell(results: readonly ProcessResult[]): void {
    const verdicts: Partial<Record<ProcessResult['verdict'], number>> = {}
    for (const { verdict } of results) verdicts[verdict] = (verdicts[verdict] ?? 0) + 1
    this.#parts.telemetry({ kind: 'batch', events: results.length, verdicts })
  }
}

/**
 * The intake, unless it would overtake refused events of its stream that could not be put in order behind it.
 */
function mayPass(intake: Intake, waiting: ReadonlySet<StreamPath>): Intake | undefined {
  const isHindered =
    intake.kind === 'tracked' &&
    intake.domain.rules.numbering.kind === 'increasing' &&
    waiting.has(intake.path)
  return isHindered ? undefined : intake
}

function refused(intake: Intake): ProcessResult {
  const released: ProcessResult['released'] = []
  const base = { verdict: 'refuse', reason: 'stream-full', released } as const
  if (intake.kind !== 'tracked') return base
  const { epoch } = intake.event
  const sequence = 'fill' in intake.event ? intake.event.fill.from : intake.event.sequence
  return { ...base, stream: intake.path, epoch, ...(sequence !== undefined && { sequence }) }
}

/** Which messages are held: by their verdict, and still after all that has come in turn in the same call. */
function heldAmong(results: readonly ProcessResult[], { states }: StreamJob): readonly HeldMessage[] {
  return results.flatMap(({ verdict, stream, epoch, sequence, to = sequence }, index) => {
    const mayBe = verdict === 'hold' || verdict === 'duplicate'
    if (!mayBe || stream === undefined || epoch === undefined || to === undefined) return []
    const state = states.get(stream)
    if (state === undefined || heldSpanAt(state.held, epoch, to) === undefined) return []
    return [{ index, stream, place: { epoch, sequence: to } }]
  })
}
