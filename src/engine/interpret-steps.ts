// Reads the steps that the rules decided as work: deliveries in order, events to hold or to forget, dead
// letters, ledger entries. Upholds I1 (order is the order of the steps) and I3 (each step ends somewhere).
import { invariant } from '../core/errors.ts'
import type { FillEvent, InturnEvent, TrackedEvent } from '../core/event.ts'
import type { Decided, Step } from '../core/pass.ts'
import type { Epoch, Position, Sequence } from '../core/sequence.ts'
import { before as beforeOf, compareSequences } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { Failing, StreamState } from '../core/stream-state.ts'
import { deadLetterKey } from '../ports/dead-letter-key.ts'
import type { HeldCache } from '../ports/held-cache.ts'
import type { DeadLetter, DeadLetterReason, HeldEvent, HeldRange, LedgerEntry } from '../ports/records.ts'
import type { ArrivalVerdict, PlannedDelivery, TurnArrival, TurnOutcome } from './turn-outcome.ts'
import { trackedEvent } from './turn-outcome.ts'

/** What the steps are read against. */
export interface Interpretation {
  readonly path: StreamPath
  readonly arrivals: readonly TurnArrival[]
  /** The state before the turn. */
  readonly before: StreamState
  readonly held: HeldCache
  /** Milliseconds since 1970. */
  readonly now: number
  /** Why events are taken out of their stream, where the steps remove some; in the order of their turn. */
  readonly removals: readonly { readonly delivery: PlannedDelivery; readonly answer: WhyRemoved }[]
}

interface WhyRemoved {
  readonly reason: DeadLetterReason
  readonly failing: Failing
}

/** The work that decided steps stand for. */
export function interpretSteps(decided: Decided, about: Interpretation): TurnOutcome {
  const reading = new StepReader(about)
  for (const step of decided.steps) reading.read(step)
  return { ...reading.outcome(decided.state), isIdle: isIdle(decided, about.before) }
}

type VerdictStep = Extract<Step, { kind: 'verdict' }>
type Noted = ArrivalVerdict & { readonly released: TrackedEvent[] }
type RangeStep = { readonly epoch: Epoch; readonly after: Sequence | null; readonly to: Sequence }

class StepReader {
  readonly #about: Interpretation
  readonly #deliveries: PlannedDelivery[] = []
  readonly #verdicts: ArrivalVerdict[] = []
  readonly #hold = new Map<string, HeldEvent>()
  readonly #release: HeldRange[] = []
  readonly #deadLetters: DeadLetter[] = []
  readonly #ledger: LedgerEntry[] = []
  #place: PlannedDelivery['before']
  #last: Noted | undefined

  constructor(about: Interpretation) {
    this.#about = about
    this.#place = { epoch: about.before.epoch, sequence: about.before.position }
  }

  outcome(state: StreamState): Omit<TurnOutcome, 'isIdle'> {
    return {
      state,
      deliveries: this.#deliveries,
      verdicts: this.#verdicts,
      hold: [...this.#hold.values()],
      release: this.#release,
      deadLetters: this.#deadLetters,
      ledger: this.#ledger,
    }
  }

  read(step: Step): void {
    switch (step.kind) {
      case 'verdict':
        this.#readVerdict(step)
        break
      case 'fill':
        this.#readFill(step)
        break
      case 'release':
        for (const { event } of this.#takeHeld(step)) this.#deliver(event, true)
        break
      case 'filled':
        if (step.cause === 'in-turn') this.#place = { epoch: step.epoch, sequence: step.to }
        this.#enter('filled', step, step.reason)
        break
      case 'epoch-ended':
        this.#endEpoch(step)
        break
      case 'lost':
        if (step.cause === 'gap-skipped') this.#place = { epoch: step.epoch, sequence: step.to }
        this.#enter('lost', step, reasonOf(step.cause, step))
        break
      case 'removed':
        this.#remove(step)
        break
      case 'halted':
        this.#enter('halted', step, reasonOf(step.reason ?? 'the gap outlasted its patience', step))
        break
      case 'restarted':
        this.#restart(step)
        break
      case 'skipped':
        invariant(false, 'a turn took an event out that only an operator may')
    }
  }

  #readFill(step: Extract<Step, { kind: 'fill' }>): void {
    const { verdict, reason = verdict } = step
    this.#note({ ...step, sequence: step.from })
    if (verdict !== 'stale' && verdict !== 'implausible' && verdict !== 'invalid') return
    this.#bury(this.#arrivalAt(step.index), { reason: verdict, detail: reason })
  }

  #restart({ epoch, sequence }: Extract<Step, { kind: 'restarted' }>): void {
    this.#enter('epoch-opened', { epoch, from: sequence, to: sequence }, 'the producer counts again')
  }

  #endEpoch(step: RangeStep): void {
    const ended = this.#takeHeld(step)
    for (const { event } of ended) {
      this.#bury(event, { reason: 'epoch-ended', detail: 'a newer epoch of the stream has opened' })
    }
    const from = ended[0]?.event.sequence ?? step.to
    this.#enter('removed', { epoch: step.epoch, from, to: step.to }, 'epoch-ended')
  }

  #readVerdict(step: VerdictStep): void {
    const { verdict, reason, index } = step
    this.#note(step)
    if (verdict === 'duplicate' || verdict === 'refuse') return
    const event = trackedEvent(this.#arrivalAt(index), step)
    if (verdict === 'deliver') {
      this.#deliver(event, false)
      return
    }
    if (verdict === 'hold') {
      const { path, now } = this.#about
      const { arrival } = this.#about.arrivals[index] ?? {}
      const print = arrival?.kind === 'event' ? arrival.print : 0
      this.#hold.set(placeText(step), { stream: path, event, print, heldAt: now })
      return
    }
    this.#bury(event, { reason: verdict, detail: reason ?? verdict })
    if (verdict === 'late') {
      this.#enter('late', { epoch: step.epoch, from: step.sequence, to: step.sequence }, reason ?? verdict)
    }
  }

  #note(step: Omit<ArrivalVerdict, 'released' | 'stream'> & { readonly index: number }): void {
    const { verdict, reason, epoch, sequence, to } = step
    const range = { epoch, sequence, ...(to !== undefined && { to }) }
    this.#last = { stream: this.#about.path, verdict, ...(reason && { reason }), ...range, released: [] }
    this.#verdicts[step.index] = this.#last
  }

  #deliver(event: TrackedEvent, isReleased: boolean): void {
    const { failing } = this.#about.before
    const { epoch, sequence } = event
    const attempt = failing?.epoch === epoch && failing.sequence === sequence ? failing.attempts + 1 : 1
    this.#deliveries.push({ event, before: this.#place, attempt })
    this.#place = { epoch, sequence }
    if (isReleased) this.#last?.released.push(event)
  }

  #remove(step: Extract<Step, { kind: 'removed' }>): void {
    const { epoch, sequence } = step
    const isIt = ({ delivery: { event } }: { readonly delivery: PlannedDelivery }): boolean =>
      event.epoch === epoch && event.sequence === sequence
    const removal = this.#about.removals.find(isIt)?.answer
    invariant(removal !== undefined, `the event ${String(sequence)} was removed for no reason`)
    const [held] = this.#takeHeld({ epoch, after: beforeOf(sequence), to: sequence })
    invariant(held !== undefined, `the event ${String(sequence)} that failed is not held`)
    const { error: detail, attempts, stack } = removal.failing
    const why = { detail, attempts, ...(stack !== undefined && { stack }) }
    this.#bury(held.event, { reason: removal.reason, ...why })
    this.#enter('removed', { epoch, from: sequence, to: sequence }, removal.failing.error)
    this.#place = { epoch, sequence }
  }

  /** The held events of a range: those of this turn, which need not be kept, and those that the store has. */
  #takeHeld(range: RangeStep): readonly HeldEvent[] {
    const own: HeldEvent[] = []
    for (const [key, held] of this.#hold) {
      const { epoch, sequence } = held.event
      if (epoch !== range.epoch || sequence > range.to || (range.after !== null && sequence <= range.after))
        continue
      own.push(held)
      this.#hold.delete(key)
    }
    if (this.#about.before.heldCount === 0) return own.sort(bySequence)
    const { epoch, after: low, to } = range
    this.#release.push({ stream: this.#about.path, epoch, after: low, to })
    return [...this.#about.held.events(epoch, low, to), ...own].sort(bySequence)
  }

  #bury(
    event: InturnEvent | FillEvent,
    why: Pick<DeadLetter, 'reason' | 'detail' | 'attempts' | 'stack'>,
  ): void {
    const { path, now } = this.#about
    const place = {
      stream: path,
      epoch: event.epoch,
      ...('sequence' in event && event.sequence !== undefined && { sequence: event.sequence }),
      ...('id' in event && event.id !== undefined && { id: event.id }),
      payload: event,
    }
    this.#deadLetters.push({ ...place, key: deadLetterKey(place), ...why, at: now })
  }

  #enter(
    kind: LedgerEntry['kind'],
    range: { readonly epoch: Epoch; readonly from: Sequence | null; readonly to: Sequence },
    reason: string,
  ): void {
    const { epoch, from, to } = range
    const { path: stream, now: at } = this.#about
    this.#ledger.push({
      kind,
      stream,
      epoch,
      ...(from !== null && { from }),
      to,
      at,
      by: 'inturn',
      reason,
    })
  }

  #arrivalAt(index: number): InturnEvent | FillEvent {
    const arrival = this.#about.arrivals[index]
    invariant(arrival !== undefined, `there is no arrival ${index}`)
    return arrival.event
  }
}

/** Whether all was refused, and nothing was learnt by it. */
function isIdle({ steps, state }: Decided, before: StreamState): boolean {
  return steps.every(isRefusal) && state.restart === before.restart && state.seen === before.seen
}

function isRefusal(step: Step): boolean {
  return (step.kind === 'verdict' || step.kind === 'fill') && step.verdict === 'refuse'
}

/** A place as the key of a map. */
export function placeText({ epoch, sequence }: Position): string {
  return `${epoch}/${String(sequence)}`
}

function bySequence(a: HeldEvent, b: HeldEvent): number {
  return compareSequences(a.event.sequence, b.event.sequence)
}

/** Why numbers did not come, and where they are not. */
function reasonOf(reason: string, { searched }: { readonly searched?: string }): string {
  return searched === undefined ? reason : `${reason}; searched: ${searched}`
}
