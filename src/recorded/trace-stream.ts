// One stream of a replay: its state, its held lines, and what the rules say about each line of it. The rules
// themselves are in core; here what they decide becomes text, with the line that each event came from.
import { decideArrivals } from '../core/decide.ts'
import { eventFingerprint } from '../core/fingerprint.ts'
import { endHeadGap } from '../core/gap-end.ts'
import { gapDueAt, gapsOf } from '../core/gaps.ts'
import type { ArrivalVerdict, Entry, EventRef, Outcome } from '../core/outcome.ts'
import type { Arrival, Pass } from '../core/pass.ts'
import type { StreamRules } from '../core/rules.ts'
import { runPass } from '../core/run-pass.ts'
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
    const outcome = this.#run(clock, (pass) => decideArrivals(pass, [arrivalOf(line)]))
    this.#say(outcome, { line, at: clock.now ?? null })
  }

  /** Ends the head gap, whose patience is over, as the rules say. */
  endHeadGap(clock: TraceClock, dueMs: number): void {
    this.#say(this.#run(clock, endHeadGap), { at: clock.timeAt(dueMs) })
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

  #run(clock: TraceClock, work: (pass: Pass) => void): Outcome {
    const held = this.#held
    const { state, outcome } = runPass(this, { clock: clock.reading(), held }, (pass) => {
      held.own = pass.outcome.hold
      work(pass)
    })
    held.own = undefined
    this.#state = state
    return outcome
  }

  #say({ inOrder }: Outcome, about: { readonly line?: StreamLine; readonly at: number | null }): void {
    const { line, at } = about
    for (const said of inOrder) {
      const { kind, epoch } = said
      if (kind === 'verdict') {
        if (line?.kind === 'event') this.#sayVerdict(said, line)
        else if (line !== undefined) this.#sayFill(said, line)
      } else if (kind === 'delivery') this.#sayTaken(said, 'deliver')
      else if (kind === 'dead-letter') this.#sayTaken(said, 'epoch-ended')
      else if (kind === 'filled') this.#sayFilled(said)
      else if (kind === 'lost' || kind === 'halted') {
        this.#text.range({ verdict: kind, key: this.#key, epoch, from: said.from, to: said.to, at })
      }
    }
  }

  #sayVerdict(
    { verdict, reason, epoch, sequence }: ArrivalVerdict,
    line: EventContent & { line: number },
  ): void {
    const isWire = verdict === 'invalid' || (reason !== undefined && unplaced.has(reason))
    this.#text.event({ line: line.line, key: this.#key, epoch, sequence, verdict, reason, isWire })
    if (verdict !== 'hold') return
    const after = line.previous === undefined ? before(sequence) : line.previous
    this.#held.add(epoch, { line: line.line, sequence, after, print: printOf(line) })
  }

  #sayFill(said: ArrivalVerdict, line: FillLine): void {
    this.#text.fill(this.#key, line, said)
    if (said.verdict !== 'hold') return
    this.#fills ??= new Map<string, FillLine>()
    this.#fills.set(String(line.line), line)
  }

  /** A held fill that is in turn is said; one whose epoch has ended is not. */
  #sayFilled({ reason, isOver }: Entry): void {
    const fill = this.#fills?.get(reason)
    if (fill === undefined) return
    this.#fills?.delete(reason)
    if (isOver !== true) this.#text.fill(this.#key, fill, { verdict: 'fill' })
  }

  #sayTaken({ epoch, sequence }: EventRef, verdict: 'deliver' | 'epoch-ended'): void {
    const line = this.#held.take(epoch, sequence)?.line
    if (line !== undefined) this.#text.event({ line, key: this.#key, epoch, sequence, verdict })
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
