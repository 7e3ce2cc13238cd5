// Has a range of a stream handled once more: what the position has passed comes from the stream's history,
// its handlers run again in order under its claim, and position and accounts stay. Upholds I1 within the
// range, and I2: with transactions a chunk's effects and its ledger entry are one.
import type { Duration } from '../core/duration.ts'
import { InturnError } from '../core/errors.ts'
import type { TrackedEvent } from '../core/event.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import { after } from '../core/sequence.ts'
import type { Span } from '../core/spans.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { streamPath } from '../core/stream-path.ts'
import type { StreamState } from '../core/stream-state.ts'
import { unknownStream } from '../core/stream-state.ts'
import { asError } from '../core/thrown.ts'
import { wholeNumber } from '../core/whole-number.ts'
import type { EffectPartial } from '../ports/commit-commands.ts'
import { partialText } from '../ports/commit-commands.ts'
import type { UnitOfWork } from '../ports/store.ts'
import type { StreamHistory } from '../ports/stream-history.ts'
import { waitMs } from './check-options.ts'
import type { CallScene } from './delivery.ts'
import { HandlerCaller } from './delivery.ts'
import type { Domain, TrackedDomain } from './domain.ts'
import type { EngineParts } from './engine-parts.ts'
import { checkAndCall, rolledBackIn, sceneOf, Undone } from './handling.ts'
import type { NumberRange } from './redeliver-range.ts'
import { RangeCover, unhandledIn } from './redeliver-range.ts'
import { TurnEffects } from './turn.ts'

/** What to have handled once more, by whom, and why. */
export interface RedeliverRequest {
  /** May be left out where there is only one. */
  readonly domain?: string
  /** The stream's key. */
  readonly stream: string
  /** Default 0. */
  readonly epoch?: Epoch
  /** The first number, unwrapped. */
  readonly from: Sequence
  readonly to: Sequence
  /** The operator's name. */
  readonly by: string
  /** Why; the ledger keeps it. */
  readonly reason: string
  /** How long to wait while a worker has the stream. Default 10 s. */
  readonly wait?: Duration
  /** Where the events are. Default: the domain's healer, or `history`. */
  readonly history?: StreamHistory
}

/** What a redelivery came to. */
export interface Redelivered {
  readonly stream: StreamPath
  readonly epoch: Epoch
  /** Events whose handler ran again. */
  readonly handled: number
  /** Numbers that the history does not have, though they were handled. */
  readonly missing: number
  /** The first 100 ranges of them. */
  readonly missingRanges: readonly Span[]
  /** The event whose handler failed; nothing behind it was handled, and with transactions not its chunk. */
  readonly failed?: { readonly sequence: Sequence; readonly error: Error }
}

interface Chunk {
  readonly domain: TrackedDomain
  readonly range: NumberRange
  /** Ascending. */
  readonly events: readonly TrackedEvent[]
}

interface ChunkPart {
  /** Events that were passed without a failure, and whose handler was called. */
  readonly through: number
  readonly handled: number
  readonly failed?: Redelivered['failed']
}

type ChunkEnd = 'busy' | ChunkPart

/** How far a redelivery has come. */
interface Progress {
  handled: number
  /** The last event whose chunk is committed. */
  through: Sequence | undefined
}

/** What the handlers of a part did, and gave for its commit. */
interface Handled extends ChunkPart {
  readonly effects: TurnEffects
  /** The event that is failed was carried out in part. */
  readonly partial?: EffectPartial
}

/** Events that are handled under one claim; between two the stream's own events have their turn. */
const chunkMax = 100
const busyPauseMs = 100

/** Has ranges of streams handled once more. */
export class Redelivery {
  readonly #parts: EngineParts
  readonly #caller: HandlerCaller
  readonly #historyOf: (domain: string) => StreamHistory | undefined
  #calls = 0

  constructor(parts: EngineParts, historyOf: (domain: string) => StreamHistory | undefined) {
    this.#parts = parts
    this.#caller = new HandlerCaller(parts)
    this.#historyOf = historyOf
  }

  /**
   * Has a range handled once more.
   *
   * @throws InturnError `usage`, `operation-refused` for what the stream has not passed,
   * `history-unavailable`, `stream-busy`, `store-...`: what came in between says where to go on
   */
  async run(request: RedeliverRequest): Promise<Redelivered> {
    const { domain, range } = this.#checked(request)
    const waitMax = waitMs(request.wait, { name: 'wait', fallback: '10s' })
    const history = request.history ?? this.#historyOf(domain.name)
    if (history === undefined) throw nobodyToAsk(domain.name)
    const { store, consumer, stop } = this.#parts
    checkPassed(range, (await store.reader.stream(consumer, range.stream))?.state ?? unknownStream)
    const cover = new RangeCover(range, await unhandledIn({ store, consumer }, range))
    const done: Progress = { handled: 0, through: undefined }
    let failed: Redelivered['failed']
    try {
      while (cover.next <= range.to && failed === undefined) {
        const asked = { ...range, from: cover.next, limit: chunkMax, signal: stop }
        const events = await history.read(asked)
        if (events.length === 0) break
        for (const { sequence } of events) cover.have(sequence)
        const own = events.filter(({ sequence }) => cover.isHandled(sequence))
        failed = await this.#handle({ domain, range, events: own }, { request, waitMax, done })
      }
    } catch (error) {
      throw cutShort(error, done)
    }
    const { handled } = done
    if (failed === undefined) cover.end()
    const { count: missing, ranges: missingRanges } =
      domain.rules.numbering.kind === 'contiguous' ? cover.missing : { count: 0, ranges: [] }
    const { stream, epoch } = range
    return { stream, epoch, handled, missing, missingRanges, ...(failed !== undefined && { failed }) }
  }

  /** Handles a chunk as soon as the stream is free; says which event has failed. */
  async #handle(
    chunk: Chunk,
    { request, waitMax, done }: { request: RedeliverRequest; waitMax: number; done: Progress },
  ): Promise<Redelivered['failed']> {
    const { timers } = this.#parts
    const untilMs = timers.elapsedMs() + waitMax
    let rest = chunk.events
    while (rest.length > 0) {
      const end = await this.#try({ ...chunk, events: rest }, request)
      if (end !== 'busy') {
        done.handled += end.handled
        done.through = rest[end.through - 1]?.sequence ?? done.through
        rest = rest.slice(end.through)
        if (end.failed !== undefined) return end.failed
        continue
      }
      if (timers.elapsedMs() >= untilMs) {
        const message = `${chunk.range.stream} is busy: a worker had it for all of ${waitMax} ms`
        throw new InturnError('stream-busy', message, { retryable: true })
      }
      await timers.sleep(busyPauseMs, this.#parts.stop)
    }
    return undefined
  }

  async #try(chunk: Chunk, request: RedeliverRequest): Promise<ChunkEnd> {
    const { store, consumer, claimMs, worker } = this.#parts
    const mode = chunk.domain.effects === 'transaction' ? 'transaction' : 'claim'
    const streams = [chunk.range.stream]
    const work = { consumer, worker: `${worker}#redeliver${++this.#calls}`, streams, mode, claimMs } as const
    try {
      const { value } = await store.work(work, (unit) => this.#runUnit(unit, chunk, request))
      return value
    } catch (error) {
      if (!(error instanceof Undone)) throw error
      const event = chunk.events.find((one) => one === error.place)
      if (event === undefined) throw error.failure
      const failed = { sequence: event.sequence, error: asError(error.failure) }
      return { through: 0, handled: 0, failed }
    }
  }

  async #runUnit(unit: UnitOfWork, chunk: Chunk, { by, reason }: RedeliverRequest): Promise<ChunkEnd> {
    const { domain, range } = chunk
    const { stream } = range
    const won = unit.streams.get(stream)
    if (won === undefined) return 'busy'
    checkPassed(range, won.state)
    if (unit.domains.get(domain.name)?.paused === true) {
      throw new InturnError('operation-refused', `the domain ${domain.name} is paused`)
    }
    const end = await this.#callEach(unit, chunk)
    return this.#commit(unit, chunk, { by, reason, end })
  }

  /** Commits what was handled; if a command fails in the commit, what was carried out before it. */
  async #commit(
    unit: UnitOfWork,
    chunk: Chunk,
    { by, reason, end }: Pick<RedeliverRequest, 'by' | 'reason'> & { readonly end: Handled },
  ): Promise<ChunkPart> {
    const { events } = chunk
    const { stream, epoch } = chunk.range
    const { through, handled, failed, partial } = end
    const part = { through, handled, ...(failed !== undefined && { failed }) }
    const [first, last] = [events[0]?.sequence, partial?.sequence ?? events[through - 1]?.sequence]
    if (first === undefined || last === undefined) return part
    const place = { stream, epoch, from: first, to: last }
    const why = partial === undefined ? reason : `${reason} (${partialText(partial)})`
    const entry = { kind: 'redelivered', ...place, at: unit.clock.now, by, reason: why } as const
    const records = { stream, decided: [], deadLetters: [], redriven: [], ledger: [entry] }
    const { effects } = end.effects.change()
    const [outcome] = await unit.commit({ streams: [{ ...records, ...(effects && { effects }) }] })
    if (outcome === 'committed') return part
    if (typeof outcome !== 'object') {
      const message = `${stream} was taken over while its events were handled once more`
      throw new InturnError('claim-lost', message, { retryable: true })
    }
    const done = new Set(outcome.done)
    const carriedOut: Handled = {
      through: events.findIndex(({ sequence }) => sequence === outcome.sequence),
      handled: events.filter((event) => done.has(`${epoch}/${String(event.sequence)}`)).length,
      failed: { sequence: outcome.sequence, error: new InturnError('effect-partial', partialText(outcome)) },
      effects: new TurnEffects(),
      ...(outcome.ran > 0 && { partial: outcome }),
    }
    return this.#commit(unit, chunk, { by, reason, end: carriedOut })
  }

  /** Calls the handlers in order, until one fails or the commit has enough to carry out. */
  async #callEach(unit: UnitOfWork, { domain, range, events }: Chunk): Promise<Handled> {
    const { transaction } = unit
    const { stream } = range
    const effects = new TurnEffects()
    const scene: CallScene = { ...sceneOf(unit, stream, effects), replay: 'redeliver' }
    let [handled, through] = [0, 0]
    for (const event of events) {
      try {
        const call = { domain, path: stream, event, attempt: 1 }
        if (await checkAndCall(this.#parts, this.#caller, call, scene)) handled++
        const undone = rolledBackIn(unit)
        if (undone !== undefined) throw undone.error
        through++
        if (effects.isFull) break
      } catch (error) {
        this.#caller.throwUnlessHandlers(unit)
        if (transaction !== undefined) throw new Undone(event, error)
        return { handled, through, effects, failed: { sequence: event.sequence, error: asError(error) } }
      }
    }
    return { handled, through, effects }
  }

  #checked({ domain: name, stream, epoch = 0, from, to, by, reason }: RedeliverRequest): {
    readonly domain: TrackedDomain
    readonly range: NumberRange
  } {
    const { domains } = this.#parts
    const domain: Domain | undefined = name === undefined ? domains.only : domains.byName.get(name)
    if (domain === undefined)
      throw new InturnError('usage', `no domain is named ${name ?? '(none was given)'}`)
    if (domain.kind === 'unordered') {
      throw new InturnError('usage', `${domain.name} is not tracked: its streams have no numbers to go by`)
    }
    wholeNumber(epoch, { name: 'epoch', least: 0, code: 'usage' })
    if (from > to) throw new InturnError('usage', `from ${String(from)} to ${String(to)} is no range`)
    if (by.trim() === '' || reason.trim() === '') {
      throw new InturnError('usage', 'a redelivery takes a name (by) and a reason: the ledger keeps both')
    }
    return { domain, range: { stream: streamPath(domain.name, stream), epoch, from, to } }
  }
}

/** Checks that a range is behind the stream, in an epoch that is still known. */
function checkPassed({ stream, epoch, from, to }: NumberRange, state: StreamState): void {
  const known = state.epoch === epoch ? state : state.ended.find((ended) => ended.epoch === epoch)
  if (known?.position === undefined) {
    throw new InturnError('operation-refused', `${stream} has no position in epoch ${epoch} that is known`)
  }
  if (state.runs.length > 0) {
    const message = `${stream}: its producer has counted again, and a history does not tell the runs apart`
    throw new InturnError('operation-refused', message)
  }
  const { position, baseline } = known
  if (to > position) {
    const message = `${stream} stands at ${String(position)}: what lies above it has not been handled yet`
    throw new InturnError('operation-refused', message)
  }
  if (baseline !== undefined && from < baseline) {
    const message = `${stream} begins at ${String(baseline)}: what lies below was never handled`
    throw new InturnError('operation-refused', message)
  }
}

/** What ended a redelivery, with where to go on: begun anew, it would handle events a third time. */
function cutShort(error: unknown, { handled, through }: Progress): unknown {
  if (!(error instanceof InturnError) || through === undefined) return error
  const { code, message, retryable } = error
  const events = handled === 1 ? '1 event was' : `${handled} events were`
  const far = `up to ${String(through)}: go on from ${String(after(through))}`
  const said = `${message}; by then ${events} handled once more, ${far}`
  return new InturnError(code, said, { retryable, cause: error })
}

function nobodyToAsk(domain: string): InturnError {
  const message = `nobody has the history of ${domain}: configure gap.heal.with of the domain, or history`
  return new InturnError('history-unavailable', message)
}
