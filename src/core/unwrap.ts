// Brings an event into the form the rules compare: unwraps a device's counter, and finds the step it stands
// for. Source: RFC 1982 serial number arithmetic; the number meant is the one nearest to the position.
import { isCurrent, originOf } from './numbering-rules.ts'
import type { EventArrival, Pass } from './pass.ts'
import type { Epoch, Sequence } from './sequence.ts'
import type { VerdictReason } from './verdict.ts'

/** An event as the rules see it: unwrapped, and with the step it stands for. */
export interface Candidate extends EventArrival {
  /** The number that must be accounted for before it; `null` for the first of a chain, and for increasing. */
  readonly after: Sequence | null
}

/** The verdict about what stands for no number of its stream. */
export interface NoNumber {
  readonly verdict: 'invalid' | 'implausible'
  readonly reason: VerdictReason
}

/** The event unwrapped with its step, or the verdict where it has no readable step. */
export function toCandidate(pass: Pass, arrival: EventArrival): Candidate | NoNumber {
  switch (pass.rules.numbering.kind) {
    case 'contiguous': {
      const sequence = unwrap(pass, arrival.epoch, arrival.sequence)
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
export function unwrap(pass: Pass, epoch: Epoch, wire: Sequence): number | NoNumber {
  const { numbering } = pass.rules
  const modulus = numbering.kind === 'contiguous' ? numbering.modulus : undefined
  const number = readWire(wire, modulus)
  if (typeof number !== 'number' || modulus === undefined) return number
  const reference = referenceOf(pass, epoch)
  if (reference === undefined) return number
  const ahead = (((number - reference) % modulus) + modulus) % modulus
  if (ahead * 2 === modulus) return { verdict: 'implausible', reason: 'half-the-modulus' }
  const sequence = ahead * 2 < modulus ? reference + ahead : reference - (modulus - ahead)
  return Number.isSafeInteger(sequence) ? sequence : { verdict: 'invalid', reason: 'beyond-safe-integer' }
}

/** A contiguous number as the producer wrote it, or the verdict where it cannot be one. */
export function readWire(wire: Sequence, modulus: number | undefined): number | NoNumber {
  if (typeof wire !== 'number') return { verdict: 'invalid', reason: 'beyond-safe-integer' }
  if (modulus === undefined) return wire
  if (wire < 0) return { verdict: 'invalid', reason: 'below-zero-with-modulus' }
  return wire < modulus ? wire : { verdict: 'invalid', reason: 'at-or-above-modulus' }
}

/** The number from which distance is measured in an epoch; `undefined` where none is known. */
export function referenceOf(pass: Pass, epoch: Epoch): number | undefined {
  const { draft, rules } = pass
  if (isCurrent(draft, epoch)) return Number(draft.position)
  const ended = draft.ended.find((record) => record.epoch === epoch)
  if (ended !== undefined) return Number(ended.position)
  if (draft.position !== undefined && epoch < draft.epoch) return undefined
  const origin = originOf(rules, draft, epoch)
  return origin === 'first-seen' || origin.after === null ? undefined : Number(origin.after)
}
