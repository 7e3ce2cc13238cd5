// What the rules say to an operator's wish: what is decided, or why it makes no sense as the stream stands.
// Operators never run handlers: they change the state, and a worker goes on from there.
import type { Outcome } from '../outcome.ts'
import type { Epoch, Sequence } from '../sequence.ts'
import type { StreamState } from '../stream-state.ts'

/** Which numbers an action is about. */
export interface ActionRange {
  readonly epoch: Epoch
  readonly from?: Sequence
  readonly to: Sequence
}

/** A wish that is granted: the state after it. */
export interface Granted {
  readonly kind: 'granted'
  readonly state: StreamState
  /** What became of numbers and held events on the way, where the wish moves the stream. */
  readonly outcome?: Outcome
  /** What the action turned out to be about. */
  readonly range?: ActionRange
  /** What was done, in words, for the operator. */
  readonly done: string
}

/** A wish that changes nothing. */
export interface Declined {
  readonly kind: 'declined'
  /** In words, for the operator. */
  readonly why: string
}

/** The outcome of an operator's wish. */
export type Operated = Granted | Declined

/** A wish that changes nothing, and why. */
export function declined(why: string): Declined {
  return { kind: 'declined', why }
}

/**
 * The stream's halt if nothing that is skipped ends it: an operator's, or over what its producer or its
 * counter does.
 */
export function ownHalt({ halt }: StreamState): StreamState['halt'] {
  const isOwn = halt?.cause === 'operator' || halt?.cause === 'restart' || halt?.cause === 'half-turn'
  return isOwn ? halt : undefined
}

/** Who stopped a stream, and how that ends, for a wish that an operator's halt stands against. */
export function haltedByOperator({ halt }: StreamState): Declined | undefined {
  if (halt?.cause !== 'operator') return undefined
  return declined(`it was halted by ${halt.by ?? 'an operator'} (${halt.reason}): resume ends that`)
}
