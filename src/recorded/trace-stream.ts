// One stream of a replay: its state, its held lines, and what the rules say about each line of it. The rules
// themselves are in core; here their steps become text, with the line that each event came from.
import { decideBatch } from '../core/decide.ts'
import { eventFingerprint } from '../core/fingerprint.ts'
import { endHeadGap } from '../core/gap-end.ts'
import { gapDueAt, gapsOf } from '../core/gaps.ts'
import type { Arrival, PassContext, Step } from '../core/pass.ts'
import type { StreamRules } from '../core/rules.ts'
import type { Sequence } from '../core/sequence.ts'
import { before } from '../core/sequence.ts'
import type { StreamState } from '../core/stream-state.ts'
import { haltStops, unknownStream } from '../core/stream-state.ts'
import type { EventContent, FillContent } from './recorded-line.ts'
import type { TraceClock } from './trace-clock.ts'
import type { DueItem } from './trace-due-queue.ts'
import { HeldLines } from './trace-held.ts'
import type { TraceText } from './trace-text.ts'

/** Verdicts about numbers that nobody has placed: they stand as on the wire. */
const unplaced = new Set<string>(['half-the-modulus', 'ambiguous-number', 'epoch-beyond-span-max'])
const noId = eventFingerprint(undefined, null)

/** A line of one stream. */
export type StreamLine = (EventContent | FillContent) & { readonly line: number }

type FillLine = FillContent & { readonly line: number }
type VerdictStep = Extract<Step, { kind: 'verdict' }>

/** What a stream is made of. */
export interface TracedStreamOptions {
  readonly key: string
  /** How many streams were seen before it. */
  readonly order: number
  readonly rules: StreamRules
  readonly text: TraceText
}

/** One stream of a replay. */
export class TracedStream implements DueItem {
  readonly order: number
  place: number = -1
  readonly #key: string
  readonly #rules: StreamRules
  readonly #text: TraceText
  readonly #held = new HeldLines()
  /** Held fills of which nothing was said since they were held, by their line. */
  #fills: Map<string, FillLine> | undefined
  #state: StreamState = unknownStream

  constructor({ key, order, rules, text }: TracedStreamOptions) {
    this.#key = JSON.stringify(key)
    this.order = order
    this.#rules = rules
    this.#text = text
  }

  /** When the head gap is due, as the clock reads; `undefined` when nothing will happen then. */
  get dueMs(): number | undefined {
    if (this.#rules.gapEnd === 'wait' || haltStops(this.#state)) return undefined
    return gapDueAt(this.#rules, this.#state)
  }

  /** Decides a line and says what follows from it. */
  decide(line: StreamLine, clock: TraceClock): void {
    const decided = decideBatch(this, [arrivalOf(line)], this.#context(clock))
    this.#state = decided.state
    const at = clock.now ?? null
    for (const step of decided.steps) this.#say(step, { line, at })
  }

  /** Ends the head gap, whose patience is over, as the rules say. */
  endHeadGap(clock: TraceClock, dueMs: number): void {
    const decided = endHeadGap(this, this.#context(clock))
    this.#state = decided.state
    for (const step of decided.steps) this.#say(step, { at: clock.timeAt(dueMs) })
  }

  /** Says which gaps are open, and which of them are overdue. */
  sayOpenGaps(clock: TraceClock): void {
    for (const { epoch, from, to, held, clock: opened } of gapsOf(this.#rules, this.#state)) {
      const isOver = clock.now !== undefined && opened.readingMs + this.#rules.patienceMs <= clock.readingMs
      this.#text.range({ verdict: isOver ? 'overdue' : 'open', key: this.#key, epoch, from, to, held })
    }
  }

  get rules(): StreamRules {
    return this.#rules
  }

  get state(): StreamState {
    return this.#state
  }

  #context(clock: TraceClock): PassContext {
    return { clock: clock.reading(), held: this.#held }
  }

  #say(step: Step, about: { readonly line?: StreamLine; readonly at: number | null }): void {
    const key = this.#key
    switch (step.kind) {
      case 'verdict':
        if (about.line?.kind === 'event') this.#sayVerdict(step, about.line)
        break
      case 'fill':
        if (about.line?.kind === 'fill') this.#sayFill(step, about.line)
        break
      case 'filled':
        this.#sayFilled(step)
        break
      case 'release':
        this.#sayTaken(step, 'deliver')
        break
      case 'epoch-ended':
        this.#sayTaken(step, 'epoch-ended')
        break
      case 'lost':
      case 'halted':
        this.#text.range({
          verdict: step.kind,
          key,
          epoch: step.epoch,
          from: step.from,
          to: step.to,
          at: about.at,
        })
        break
      case 'removed':
      case 'restarted':
      case 'skipped':
        break
    }
  }

  #sayVerdict(
    { verdict, reason, epoch, sequence }: VerdictStep,
    line: EventContent & { line: number },
  ): void {
    const isWire = verdict === 'invalid' || (reason !== undefined && unplaced.has(reason))
    this.#text.event({ line: line.line, key: this.#key, epoch, sequence, verdict, reason, isWire })
    if (verdict !== 'hold') return
    const after = line.previous === undefined ? before(sequence) : line.previous
    this.#held.add(epoch, { line: line.line, sequence, after, print: printOf(line) })
  }

  #sayFill(step: Extract<Step, { kind: 'fill' }>, line: FillLine): void {
    this.#text.fill(this.#key, line, step)
    if (step.verdict !== 'hold') return
    this.#fills ??= new Map<string, FillLine>()
    this.#fills.set(String(line.line), line)
  }

  #sayFilled(step: Extract<Step, { kind: 'filled' }>): void {
    const fill = this.#fills?.get(step.reason)
    if (fill === undefined) return
    this.#fills?.delete(step.reason)
    if (step.cause === 'in-turn') this.#text.fill(this.#key, fill, { verdict: 'fill' })
  }

  #sayTaken(
    run: { readonly epoch: number; readonly after: Sequence | null; readonly to: Sequence },
    verdict: 'deliver' | 'epoch-ended',
  ): void {
    const { epoch } = run
    for (const { line, sequence } of this.#held.take(epoch, run.after, run.to)) {
      this.#text.event({ line, key: this.#key, epoch, sequence, verdict })
    }
  }
}

/** A line at the rules' door. A fill gives its line as the reason, by which it is found again. */
function arrivalOf(line: StreamLine): Arrival {
  if (line.kind === 'fill') {
    const { epoch, from, to } = line
    return { kind: 'fill', epoch, from, to, reason: String(line.line) }
  }
  const { epoch, sequence, previous } = line
  const isUnnamed = line.id === undefined
  const event = { kind: 'event', epoch, sequence, print: printOf(line), isUnnamed } as const
  return previous === undefined ? event : { ...event, previous }
}

/** Of the id alone: without one, all copies of a number are the same. */
function printOf({ id }: EventContent): number {
  return id === undefined ? noId : eventFingerprint(id, null)
}
