// Brings an event into the form the rules compare: unwraps a device's counter, and finds the step it stands
// for. Source: RFC 1982 serial number arithmetic; the number meant is the one nearest to the greatest seen.
import type { Counter } from './counter.ts'
import { counterOf, isShown } from './counter.ts'
import type { WireClues } from './half-turn.ts'
import { isOver, placeOnTurn } from './half-turn.ts'
import type { EventArrival, Pass } from './pass.ts'
import type { Position, Sequence } from './sequence.ts'
import type { VerdictReason } from './verdict.ts'

/** An event as the rules see it: unwrapped, and with the step it stands for. */
export interface Candidate extends EventArrival {
  /** The number that must be accounted for before it; `null` for the first of a chain, and for increasing. */
  readonly after: Sequence | null
}

/** The verdict about what stands for no number of its stream, or for one that nobody can tell. */
export interface NoNumber {
  readonly verdict: 'invalid' | 'stale' | 'implausible' | 'refuse'
  readonly reason: VerdictReason
  /** Verdict `refuse`: the greatest number that it may stand for. */
  readonly upTo?: Position
}

/** The event unwrapped with its step, or the verdict where it has no readable step. */
export function toCandidate(pass: Pass, arrival: EventArrival): Candidate | NoNumber {
  switch (pass.rules.numbering.kind) {
    case 'contiguous': {
      const sequence = unwrap(pass, arrival.sequence, arrival)
      if (typeof sequence !== 'number') return sequence
      return { ...arrival, sequence, after: sequence - 1 }
    }
    case 'linked': {
      const { previous } = arrival
      if (previous === undefined) return { verdict: 'invalid', reason: 'previous-missing' }
      if (previous !== null && previous >= arrival.sequence) {
        return { verdict: 'invalid', reason: 'previous-not-below-sequence' }
      }
      return { ...arrival, after: previous }
    }
    case 'increasing':
      return { ...arrival, after: null }
  }
}

/** The unbounded number that a contiguous number stands for, or the verdict where it stands for none. */
export function unwrap(
  pass: Pass,
  wire: Sequence,
  clues: Omit<WireClues, 'wire'> & { readonly known?: Sequence | undefined },
): number | NoNumber {
  const counter = counterOf(pass.rules.numbering)
  const number = readWire(wire, counter)
  if (typeof number !== 'number' || counter === undefined) return number
  if (clues.known !== undefined) return Number(clues.known)
  const placed = placeOnTurn(pass, counter, { ...clues, wire: number })
  if ('sequence' in placed) {
    const { sequence } = placed
    return Number.isSafeInteger(sequence) ? sequence : { verdict: 'invalid', reason: 'beyond-safe-integer' }
  }
  if (placed.problem === 'half') return { verdict: 'implausible', reason: 'half-the-modulus' }
  if (isOver(pass.draft, clues.epoch)) return { verdict: 'stale', reason: 'epoch-over' }
  const { epoch } = clues
  return { verdict: 'refuse', reason: 'ambiguous-number', upTo: { epoch, sequence: placed.upTo } }
}

/** A contiguous number as the producer wrote it, or the verdict where it cannot be one. */
export function readWire(wire: Sequence, counter: Counter | undefined): number | NoNumber {
  if (typeof wire !== 'number') return { verdict: 'invalid', reason: 'beyond-safe-integer' }
  if (counter === undefined || isShown(counter, wire)) return wire
  return { verdict: 'invalid', reason: outsideReason(counter, wire) }
}

/** Why a counter cannot show a number. */
export function outsideReason(
  { wrapsTo }: Counter,
  wire: Sequence,
): 'outside-counter' | 'below-zero-with-modulus' | 'at-or-above-modulus' {
  if (wrapsTo !== 0) return 'outside-counter'
  return wire < 0 ? 'below-zero-with-modulus' : 'at-or-above-modulus'
}
