// Drives the rules over one stream the way a store would: keeps what is held, hands it back as the index, and
// says what was decided as lines of text, so that a history of decisions can be compared with another.
import { decideArrivals } from '../../../src/core/decide.ts'
import { endHeadGap } from '../../../src/core/gap-end.ts'
import { gapsOf } from '../../../src/core/gaps.ts'
import type { HeldIndex } from '../../../src/core/held-index.ts'
import type { ArrivalVerdict, Entry, EventRef, Outcome } from '../../../src/core/outcome.ts'
import type { Arrival, EventArrival, FillArrival, Pass, PassContext } from '../../../src/core/pass.ts'
import { defaultStreamLimits } from '../../../src/core/rules.ts'
import type { StreamRules } from '../../../src/core/rules.ts'
import type { Decided } from '../../../src/core/run-pass.ts'
import { runPass } from '../../../src/core/run-pass.ts'
import type { Sequence } from '../../../src/core/sequence.ts'
import { compareSequences, placeText } from '../../../src/core/sequence.ts'
import type { Clock, StreamState } from '../../../src/core/stream-state.ts'
import { unknownStream } from '../../../src/core/stream-state.ts'

/** An arrival with its place in the whole history; a fill's reason is made up from it. */
export interface Indexed {
  readonly action: EventAction | Omit<FillArrival, 'reason'>
  readonly index: number
}

type EventAction = Omit<EventArrival, 'previous'> & { readonly previous?: Sequence | null | undefined }

interface HeldEvent {
  readonly at: number
  readonly epoch: number
  readonly sequence: Sequence
  readonly print: number
}

interface Range {
  readonly epoch: number
  readonly after: Sequence | null
  readonly to: Sequence
}

export function rulesFor(some: Partial<StreamRules> & Pick<StreamRules, 'numbering'>): StreamRules {
  return { ...defaultStreamLimits, ...some }
}

export function clockAt(ms: number): Clock {
  return { now: ms, readingMs: ms }
}

/** One stream's history under the rules of `core`. */
export class RuledHistory {
  readonly rules: StreamRules
  state: StreamState
  readonly held: Map<string, HeldEvent> = new Map<string, HeldEvent>()
  readonly lines: string[] = []
  readonly #printedFills = new Set<string>()

  constructor(rules: StreamRules, state: StreamState = unknownStream) {
    this.rules = rules
    this.state = state
  }

  /** Decides a batch at a time, and returns the lines that it added. */
  arrive(batch: readonly Indexed[], now: number): string[] {
    const clock = clockAt(now)
    return this.apply(
      this.run((pass) => decideArrivals(pass, batch.map(arrivalOf)), { clock }),
      batch,
    )
  }

  endHeadGap(now: number): string[] {
    return this.apply(this.run(endHeadGap, { clock: clockAt(now) }))
  }

  /** What a pass comes to; the history stays as it is. */
  run(work: (pass: Pass) => void, context: Partial<PassContext> = {}): Decided {
    return runPass(this, { clock: clockAt(0), held: this.index(), ...context }, work)
  }

  /** Takes over the outcome of any pass, and returns the lines that say what was decided. */
  apply({ state, outcome }: Decided, batch: readonly Indexed[] = []): string[] {
    const before = this.lines.length
    this.#note(outcome, batch)
    this.state = state
    return this.lines.slice(before)
  }

  /** The gaps as texts: epoch, range, and when they opened. */
  gaps(): string[] {
    return gapsOf(this.rules, this.state).map(
      ({ epoch, from, to, clock }) => `${epoch}/${from}..${to}@${clock.readingMs}`,
    )
  }

  index(): HeldIndex {
    return {
      print: (epoch, sequence) => this.held.get(`${epoch}/${sequence}`)?.print,
      members: (epoch, after, to) => this.#members({ epoch, after, to }),
    }
  }

  #members({ epoch, after, to }: Range): HeldEvent[] {
    return [...this.held.values()]
      .filter((one) => one.epoch === epoch && one.sequence <= to && (after === null || one.sequence > after))
      .sort((a, b) => compareSequences(a.sequence, b.sequence))
  }

  /** Also holds the outcome's lists against what is said of it in order. */
  #note(outcome: Outcome, batch: readonly Indexed[]): void {
    const { lines, held } = this
    const hold: string[] = []
    let next = 0
    for (const said of outcome.inOrder) {
      if (said.kind === 'verdict') {
        const arrival = batch[next++]
        lines.push(verdictText(said, arrival))
        if (said.verdict === 'fill') this.#printedFills.add(String(arrival?.index))
        if (said.verdict !== 'hold' || arrival?.action.kind !== 'event') continue
        const { epoch, sequence } = said
        held.set(placeText(said), { at: arrival.index, epoch, sequence, print: arrival.action.print })
        hold.push(placeText(said))
      } else if (said.kind === 'delivery') this.#take(said, 'release')
      else if (said.kind === 'dead-letter') this.#take(said, words[said.reason] ?? 'removed')
      else if (said.kind === 'filled') this.#noteFilled(said)
      else if (said.kind === 'epoch-opened') lines.push(`restarted ${said.epoch}/${said.from}`)
      else if (said.kind === 'halted' || said.kind === 'lost') lines.push(endText(said))
    }
    const left = hold.filter((place) => held.has(place))
    same([...outcome.hold.keys()].join(), left.join(), 'what is held')
    same(outcome.verdicts.length, batch.length, 'how many verdicts there are')
  }

  #noteFilled({ reason, isOver }: Entry): void {
    if (isOver === true || this.#printedFills.has(reason)) return
    this.#printedFills.add(reason)
    this.lines.push(`#${reason} fill-released`)
  }

  #take(event: EventRef, word: string): void {
    const at = this.held.get(placeText(event))?.at
    same(this.held.delete(placeText(event)), true, `that ${placeText(event)} was held`)
    this.lines.push(word === 'removed' ? `removed ${placeText(event)}` : `#${at} ${word} ${placeText(event)}`)
  }
}

function same<Value>(one: Value, other: Value, what: string): void {
  if (one !== other) throw new Error(`the outcome disagrees about ${what}: ${String(one)}, ${String(other)}`)
}

const words: Readonly<Record<string, string>> = { 'epoch-ended': 'ended', skipped: 'skipped' }

export function arrivalOf({ action, index }: Indexed): Arrival {
  if (action.kind === 'fill') return { ...action, reason: String(index) }
  const { previous, ...event } = action
  return previous === undefined ? event : { ...event, previous }
}

function verdictText(
  { verdict, reason, to, ...place }: ArrivalVerdict,
  arrival: Indexed | undefined,
): string {
  const why = reason === undefined ? '' : `(${reason})`
  const at = arrival?.index
  return to === undefined ? `#${at} ${verdict}${why} ${placeText(place)}` : `#${at} fill-${verdict}${why}`
}

function endText({ kind, epoch, from, to, reason }: Entry): string {
  const isOverCounter = kind === 'halted' && !reason.startsWith('the gap outlasted its patience')
  return isOverCounter ? `half-turn ${epoch}/${String(from)}` : `${kind} ${epoch}/${from}..${to}`
}
