// What an operator can do to one stream while workers run: retry, skip, fill, halt, resume, and open the next
// epoch of a producer that counts again without saying so.
import { counterOf, firstFrom, isShown, nearestTo } from '../core/counter.ts'
import { reachedIn } from '../core/half-turn.ts'
import { giveFill } from '../core/operating/give-fill.ts'
import type { FillOverlap } from '../core/operating/give-fill.ts'
import { haltStream } from '../core/operating/halt-stream.ts'
import { openNextRun } from '../core/operating/open-next-run.ts'
import { declined } from '../core/operating/operated.ts'
import { resumeStream, retryStream } from '../core/operating/retry-stream.ts'
import type { Seen } from '../core/operating/skip-head.ts'
import { skipHead } from '../core/operating/skip-head.ts'
import type { StreamRules } from '../core/rules.ts'
import type { Epoch, Sequence } from '../core/sequence.ts'
import type { ClaimedStream, StreamOperation, StreamRequest, WishOutcome } from './change-stream.ts'
import { changeStream, needConfiguration } from './change-stream.ts'
import { wireOf } from './domain-rules.ts'
import type { OperatorTarget } from './operator-options.ts'
import { checkEpoch, unexpectedEpoch } from './operator-options.ts'

/**
 * Has a stream try again at once: its failing event with all its attempts, or its gaps, healed anew and with
 * their patience begun again. A halt over it ends. Errors as {@link changeStream}.
 */
export async function retry(target: OperatorTarget, request: StreamRequest): Promise<StreamOperation> {
  return changeStream(target, request, {
    command: 'retry',
    kind: 'retried',
    decide: (about) => {
      const { state, rules, clock } = about
      // Nothing is held of a stream in turn, whatever its rules are.
      const mayBeGap = state.halt === undefined && state.failing === undefined && state.held.length > 0
      if (mayBeGap) needConfiguration(about, 'retrying a gap')
      return { operated: retryStream({ state, rules }, clock), ...failingRange(about) }
    },
  })
}

/** What to skip. */
export interface SkipRequest extends StreamRequest {
  /** The number that the operator saw: the event, or one of the gap. Refused if the stream has moved on. */
  readonly sequence?: Sequence
}

/**
 * Gives up what a stream stands at: the gap at its head is lost, or the event in turn becomes a dead letter
 * `skipped`. Errors as {@link changeStream}.
 */
export async function skip(target: OperatorTarget, request: SkipRequest): Promise<StreamOperation> {
  return changeStream(target, request, {
    command: 'skip',
    kind: 'skipped',
    asksUndecided: true,
    decide: (about) => {
      const { state, rules } = about
      if (state.failing === undefined) needConfiguration(about, 'skipping what has not failed')
      return { operated: skipHead({ state, rules }, about, seenIn(request, rules)) }
    },
  })
}

/** Which numbers were burned. */
export interface FillRequest extends StreamRequest {
  readonly from: number
  readonly to: number
  /** Default: the epoch of the position. */
  readonly epoch?: Epoch
}

/** What an operator's fill came to. */
export interface FillOperation extends StreamOperation {
  /** The numbers, unwrapped. */
  readonly from: number
  readonly to: number
  /** Parts that the fill does not cover: accounted for, or held. */
  readonly overlaps: readonly FillOverlap[]
}

/**
 * Says that numbers were burned and will never come; obeys the rules of any fill. Only for contiguous
 * numbers. Errors as {@link changeStream}.
 */
export async function fill(target: OperatorTarget, request: FillRequest): Promise<FillOperation> {
  checkEpoch(request.epoch)
  let numbers: Pick<FillOperation, 'from' | 'to' | 'overlaps'> = { ...request, overlaps: [] }
  const operation = await changeStream(target, request, {
    command: 'fill',
    kind: 'fill-given',
    decide: (about) => {
      needConfiguration(about, 'a fill')
      const { state, rules } = about
      const { epoch = state.epoch, from, to, reason } = request
      const unexpected = unexpectedEpoch(request, { epoch, open: state.epoch })
      if (unexpected !== undefined) return { operated: declined(unexpected) }
      const arrival = { kind: 'fill', epoch, from, to, reason, ...knownPlace(about, epoch, from) } as const
      const given = giveFill({ state, rules }, arrival, about)
      numbers = { from: given.from, to: given.to, overlaps: given.overlaps }
      return { operated: given.operated, range: { epoch, from: given.from, to: given.to } }
    },
  })
  return { ...operation, ...numbers, overlaps: numbers.overlaps }
}

/** Stops a stream in the operator's name; what comes is held. Errors as {@link changeStream}. */
export async function halt(target: OperatorTarget, request: StreamRequest): Promise<StreamOperation> {
  return changeStream(target, request, {
    command: 'halt',
    kind: 'halted',
    decide: ({ state, clock, operator }) => ({
      operated: haltStream(state, { ...operator, at: clock.now }),
    }),
  })
}

/**
 * Ends a halt, whatever its cause: a failing event has one more attempt, a gap its patience anew. Errors as
 * {@link changeStream}.
 */
export async function resume(target: OperatorTarget, request: StreamRequest): Promise<StreamOperation> {
  return changeStream(target, request, {
    command: 'resume',
    kind: 'resumed',
    decide: (about) => {
      const { state, rules, clock } = about
      return { operated: resumeStream({ state, rules }, clock), ...failingRange(about) }
    },
  })
}

/** What an operator calls a number on the wire: the one nearest to the position. */
function knownPlace(
  { rules, state }: ClaimedStream,
  epoch: Epoch,
  wire: number,
): { readonly known?: number } {
  const counter = counterOf(rules.numbering)
  const reached = counter && reachedIn(rules, state, epoch)
  if (counter === undefined || reached === undefined || !isShown(counter, wire)) return {}
  return { known: nearestTo(counter, wire, reached) }
}

function failingRange({ state: { failing } }: ClaimedStream): Pick<WishOutcome, 'range'> {
  if (failing === undefined) return {}
  const { epoch, sequence } = failing
  return { range: { epoch, from: sequence, to: sequence } }
}

function seenIn({ sequence: seen }: SkipRequest, rules: StreamRules): Seen | undefined {
  if (seen === undefined) return undefined
  const sees = (sequence: Sequence): boolean => seen === sequence || seen === wireOf(rules, sequence)
  return {
    text: String(seen),
    sees,
    liesIn: ({ from, to }) => {
      if (from === null) return seen <= to
      if (seen >= from && seen <= to) return true
      return isOnWire(rules, { from, to, seen })
    },
  }
}

/** Whether a number of a counter that wraps stands for one of a range, which is narrower than its modulus. */
function isOnWire(
  { numbering }: StreamRules,
  { from, to, seen }: { readonly from: Sequence; readonly to: Sequence; readonly seen: Sequence },
): boolean {
  const counter = counterOf(numbering)
  return counter !== undefined && firstFrom(counter, Number(from), Number(seen)) <= to
}

/** Which stream, and since when its producer counts again. */
export interface OpenEpochRequest extends StreamRequest {
  /** Milliseconds since 1970, as event times say it. Default: what the signs of the stream say. */
  readonly since?: number
}

/**
 * Opens the next epoch of a stream. Errors as {@link changeStream}: `operation-refused` where nothing tells
 * the events of the producer's runs apart.
 */
export async function openEpoch(target: OperatorTarget, request: OpenEpochRequest): Promise<StreamOperation> {
  return changeStream(target, request, {
    command: 'seek',
    kind: 'epoch-opened',
    decide: ({ state }) => ({ operated: openNextRun(state, request.since) }),
  })
}
