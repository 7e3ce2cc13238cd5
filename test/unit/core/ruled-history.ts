// Drives the rules over one stream the way a store would: keeps what is held, hands it back as the index, and
// says what was decided as lines of text, so that a history of decisions can be compared with another.
import { decideBatch } from '../../../src/core/decide.ts'
import { endHeadGap } from '../../../src/core/gap-end.ts'
import { gapsOf } from '../../../src/core/gaps.ts'
import type { HeldIndex } from '../../../src/core/held-index.ts'
import type { Arrival, Decided, EventArrival, FillArrival, Step } from '../../../src/core/pass.ts'
import { defaultStreamLimits } from '../../../src/core/rules.ts'
import type { StreamRules } from '../../../src/core/rules.ts'
import type { Sequence } from '../../../src/core/sequence.ts'
import { compareSequences } from '../../../src/core/sequence.ts'
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
    return this.apply(
      decideBatch({ rules: this.rules, state: this.state }, batch.map(arrivalOf), {
        clock: clockAt(now),
        held: this.index(),
      }),
      batch,
    )
  }

  endHeadGap(now: number): string[] {
    const context = { clock: clockAt(now), held: this.index() }
    return this.apply(endHeadGap({ rules: this.rules, state: this.state }, context), [])
  }

  /** Takes over the outcome of any pass, and returns the lines that say what was decided. */
  apply(decided: Decided, batch: readonly Indexed[]): string[] {
    const before = this.lines.length
    for (const step of decided.steps) this.#note(step, batch)
    this.state = decided.state
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

  #note(step: Step, batch: readonly Indexed[]): void {
    const { lines, held } = this
    switch (step.kind) {
      case 'verdict': {
        const arrival = batch[step.index]
        const { epoch, sequence } = step
        const at = arrival?.index ?? Number.NaN
        lines.push(`#${at} ${step.verdict}${reasonOf(step)} ${epoch}/${sequence}`)
        if (step.verdict === 'hold' && arrival?.action.kind === 'event') {
          held.set(`${epoch}/${sequence}`, { at, epoch, sequence, print: arrival.action.print })
        }
        return
      }
      case 'fill': {
        const at = batch[step.index]?.index
        lines.push(`#${at} fill-${step.verdict}${reasonOf(step)}`)
        if (step.verdict === 'fill') this.#printedFills.add(String(at))
        return
      }
      case 'filled':
        if (step.cause === 'in-turn' && !this.#printedFills.has(step.reason)) {
          this.#printedFills.add(step.reason)
          lines.push(`#${step.reason} fill-released`)
        }
        return
      case 'release':
        this.#take(step, 'release')
        return
      case 'epoch-ended':
        this.#take(step, 'ended')
        return
      case 'skipped':
        this.#take(step, 'skipped')
        return
      case 'removed':
        held.delete(`${step.epoch}/${step.sequence}`)
        lines.push(`removed ${step.epoch}/${step.sequence}`)
        return
      case 'restarted':
        lines.push(`restarted ${step.epoch}/${step.sequence}`)
        return
      case 'halted':
      case 'lost':
        lines.push(endText(step))
    }
  }

  #take(range: Range, word: string): void {
    for (const event of this.#members(range)) {
      this.held.delete(`${event.epoch}/${event.sequence}`)
      this.lines.push(`#${event.at} ${word} ${event.epoch}/${event.sequence}`)
    }
  }
}

function arrivalOf({ action, index }: Indexed): Arrival {
  if (action.kind === 'fill') return { ...action, reason: String(index) }
  const { previous, ...event } = action
  return previous === undefined ? event : { ...event, previous }
}

function endText(step: Extract<Step, { readonly kind: 'halted' | 'lost' }>): string {
  const { kind, epoch, from, to } = step
  const isOverCounter = kind === 'halted' && step.reason !== undefined
  return isOverCounter ? `half-turn ${epoch}/${String(from)}` : `${kind} ${epoch}/${from}..${to}`
}

function reasonOf({ reason }: { readonly reason?: string }): string {
  return reason === undefined ? '' : `(${reason})`
}
