// An operator moves a stream back, to have numbers handled once more. Upholds I1 and I3: their accounts are
// cut, and counted as recalled; what was filled stays filled, and the highest event of the range is held at
// once, so that the numbers in front of it are a gap which everybody sees, whatever happens next.
import { numbersText } from '../counter.ts'
import { insertHeld, eventSpan } from '../held-spans.ts'
import type { RuledStream } from '../run-pass.ts'
import type { Position, Sequence } from '../sequence.ts'
import { width } from '../sequence.ts'
import type { Span } from '../spans.ts'
import { removeSpan } from '../spans.ts'
import type { Clock, GapClock, HeldSpan, StreamState } from '../stream-state.ts'
import type { Declined, Operated } from './operated.ts'
import { declined, ownHalt } from './operated.ts'

/** Why a stream cannot be moved back to a place; `undefined` where it can. */
export function hindersSeekBack({ rules, state }: RuledStream, target: Position): Declined | undefined {
  const { numbering, spanMax } = rules
  const { epoch, position, baseline } = state
  if (numbering.kind !== 'contiguous') {
    return declined(
      `backwards it can only be moved with contiguous numbers: nobody would see in ${numbering.kind} ones` +
        ' if the history did not come (replay has events handled again without moving the position)',
    )
  }
  if (position === undefined || target.epoch !== epoch) {
    return declined(`the position is in epoch ${epoch}; backwards it can only be moved within that`)
  }
  if (state.runs.length > 0) {
    return declined('its producer has counted again, and a history does not tell the runs apart')
  }
  if (baseline !== undefined && target.sequence < Number(baseline) - 1) {
    return declined(
      `the stream begins at ${String(baseline)}; the lowest position is ${Number(baseline) - 1}`,
    )
  }
  if (numbering.modulus !== undefined && width(target.sequence, position) > numbering.modulus / 2) {
    return declined('that is further back than half of what its counter can tell apart')
  }
  if (width(target.sequence, position) - 1 > spanMax) {
    return declined(
      `that is further back than spanMax (${spanMax}); a consumer with another name can rebuild it`,
    )
  }
  return undefined
}

/**
 * Moves the position back within its epoch. `top` is the highest event that the history has above the target
 * and up to the position under a number that was not filled: the caller holds it. What is held stays held; a
 * failing event has its turn again, with all its attempts, and a halt ends, but not an operator's own. Pure.
 */
export function seekBackwards(
  stream: RuledStream,
  target: Position,
  { top, clock }: { readonly top: number | undefined; readonly clock: Clock },
): Operated {
  const { state } = stream
  const { epoch, position } = state
  const hindrance = hindersSeekBack(stream, target)
  if (hindrance !== undefined) return hindrance
  const cut: Span = { from: Number(target.sequence) + 1, to: position ?? target.sequence }
  const fills = within(state.filled, cut)
  let held = state.held
  for (const { from, to } of fills) {
    const reason = 'filled before the position was moved back'
    held = insertHeld(held, { kind: 'fill', epoch, after: Number(from) - 1, to, count: 1, reason }, clock)
  }
  if (top !== undefined) held = insertHeld(held, eventSpan({ epoch, after: top - 1, sequence: top }), clock)
  const next: StreamState = {
    ...state,
    position: target.sequence,
    lost: removeSpan(state.lost, cut),
    filled: removeSpan(state.filled, cut),
    held: patient(held, { epoch, sequence: cut.to }, clock),
    heldCount: state.heldCount + fills.length + (top === undefined ? 0 : 1),
    memory: forgetAbove(state.memory, epoch, target.sequence),
    failing: undefined,
    halt: ownHalt(state),
    counts: { ...state.counts, recalled: state.counts.recalled + width(cut.from, cut.to) },
  }
  const verb = cut.from === cut.to ? 'is' : 'are'
  const done = `its position is ${String(target.sequence)} again; ${numbersText(cut)} ${verb} open`
  return { kind: 'granted', state: next, done }
}

function within(spans: readonly Span[], { from, to }: Span): readonly Span[] {
  return spans
    .filter((span) => span.to >= from && span.from <= to)
    .map((span) => ({ from: span.from < from ? from : span.from, to: span.to > to ? to : span.to }))
}

/** The gaps up to and in front of the old position begin now, by both clocks. */
function patient(held: readonly HeldSpan[], old: Position, clock: GapClock): readonly HeldSpan[] {
  const behind = held.findIndex((span) => span.epoch > old.epoch || span.to > old.sequence)
  return held.map((span, at) => {
    const isOfRange = span.epoch === old.epoch && (behind === -1 || at <= behind)
    return isOfRange ? { ...span, clock } : span
  })
}

function forgetAbove(memory: StreamState['memory'], epoch: number, sequence: Sequence): Sequence[] {
  const kept: Sequence[] = []
  for (let at = 0; at < memory.length; at += 3) {
    const [ofEpoch = 0, number = 0, print = 0] = memory.slice(at, at + 3)
    if (ofEpoch !== epoch || number <= sequence) kept.push(ofEpoch, number, print)
  }
  return kept
}
