// One pass of the rules over one stream: the owned draft of its state, and the outcome that it writes. Inside
// a pass both are changed in place; outside, a pass is a pure function from a state to an outcome and a new
// state.
import type { HeldIndex } from './held-index.ts'
import { OverlaidIndex } from './held-index.ts'
import type { Standing } from './outcome.ts'
import { Outcome } from './outcome.ts'
import type { StreamRules } from './rules.ts'
import type { Epoch, Sequence } from './sequence.ts'
import type { AccountCounts, Clock, StreamState } from './stream-state.ts'
import { haltStops } from './stream-state.ts'

/** What a pass is told besides state and events. */
export interface PassContext {
  readonly clock: Clock
  readonly held: HeldIndex
  /** The domain is at its own limit of held events: what is not in turn is refused. */
  readonly domainFull?: boolean
  /** The stream takes no step beyond this position: an event behind it failed, or enough was done for now. */
  readonly stopAt?: Standing | undefined
  /** The failing event at the head may be tried again. */
  readonly retry?: boolean
  /** The domain is paused: nothing is in turn, and what comes is held. */
  readonly isPaused?: boolean
  /** Whose wish the pass carries out, and why. */
  readonly operator?: { readonly by: string; readonly reason: string }
}

/** When and by whom something was made: what tells the runs of a producer apart. */
export interface Made {
  /** Milliseconds since 1970. */
  readonly time?: number | undefined
  /** The fingerprint of the producer's name. */
  readonly producer?: number | undefined
}

/** A place in a log that is read in order, and may be read again. */
export interface LogPlace {
  /** The fingerprint of the log's name. */
  readonly log: number
  /** Rises in the order of the log. */
  readonly at: Sequence
}

/** An event at the rules' door. */
export interface EventArrival extends Made {
  readonly kind: 'event'
  readonly epoch: Epoch
  /** As the producer wrote it: still wrapped where the domain has a modulus. */
  readonly sequence: Sequence
  /** Linked numbering: the predecessor; `null` starts the stream. */
  readonly previous?: Sequence | null | undefined
  /** Of the id, or of the data where there is no id; see fingerprint.ts. */
  readonly print: number
  /** It has no id: two events with equal data may be two. */
  readonly isUnnamed?: boolean
  /** A counter that wraps: the unbounded number that it stands for, where somebody knows it. */
  readonly known?: Sequence | undefined
  /** A counter that wraps: earlier events of the stream, which were refused, are not offered again yet. */
  readonly isBehind?: boolean
  /** A counter that wraps: where in its log it was read. */
  readonly place?: LogPlace | undefined
}

/** A statement that numbers were burned and will never come. */
export interface FillArrival extends Made {
  readonly kind: 'fill'
  readonly epoch: Epoch
  readonly from: number
  readonly to: number
  readonly reason: string
  /** Its epoch is inturn's own and not one on the wire: an operator gave it. */
  readonly isPlaced?: true
  /** A counter that wraps: the unbounded number that `from` stands for, where somebody knows it. */
  readonly known?: Sequence | undefined
  readonly isBehind?: boolean
  readonly place?: LogPlace | undefined
}

/** What a pass decides about, in order. */
export type Arrival = EventArrival | FillArrival

/** A state that the pass owns. */
export type Draft = Mutable<Omit<StreamState, 'counts' | 'memory'>> & {
  readonly counts: Mutable<AccountCounts>
  readonly memory: Sequence[]
}

type Mutable<Fields> = { -readonly [Field in keyof Fields]: Fields[Field] }

/** A pass while it runs. */
export interface Pass {
  readonly rules: StreamRules
  /** It changes with what is decided next. */
  context: PassContext
  readonly draft: Draft
  /** What was held before the pass, and what the pass holds. */
  readonly held: OverlaidIndex
  readonly outcome: Outcome
}

/** Begins a pass over a state, which stays as it is. */
export function beginPass(rules: StreamRules, state: StreamState, context: PassContext): Pass {
  const draft: Draft = { ...state, counts: { ...state.counts }, memory: state.memory.slice() }
  const outcome = new Outcome()
  return { rules, context, draft, held: new OverlaidIndex(context.held, outcome.hold), outcome }
}

/** Whether the stream may take no further step now: halted, backing off, or at the place to stop. */
export function isStopped(pass: Pass): boolean {
  return haltStops(pass.draft) || isBlocked(pass)
}

/** Whether the stream may take no further step even if it is not halted. */
export function isBlocked(pass: Pass): boolean {
  const { draft, context } = pass
  if (context.isPaused === true) return true
  if (draft.failing !== undefined && context.retry !== true) return true
  const { stopAt } = context
  return stopAt !== undefined && stopAt.sequence === draft.position && stopAt.epoch === draft.epoch
}
