// What can be done with the event at the head of a stream once it is held: try it again, or take it out.
// Upholds I1: a removed number gets an account of its own, and what follows stays in order.
import { drain, drainIfClosed, nextInTurn } from './advance.ts'
import { openEpoch } from './epochs.ts'
import { baselineOf, isCurrent } from './numbering-rules.ts'
import type { RemovalReason, Standing } from './outcome.ts'
import type { Pass } from './pass.ts'
import type { StreamRules } from './rules.ts'
import type { RuledStream } from './run-pass.ts'
import { settleCounters } from './run-pass.ts'
import type { Position, Sequence } from './sequence.ts'
import { comparePositions } from './sequence.ts'
import type { Failing, StreamState } from './stream-state.ts'
import { haltStops, unknownStream } from './stream-state.ts'
import { firstOf, takeOut } from './taken-events.ts'

/** Takes every held event that is in turn now; with `context.retry` a failing one among them. */
export function advance(pass: Pass): void {
  drainIfClosed(pass)
  drain(pass)
  settleCounters(pass)
}

/** An event that failed, and is taken out of its stream in its turn. */
export interface Removal {
  readonly event: Position
  /** Where the stream stands in front of it. */
  readonly before: Standing
  readonly reason: RemovalReason
  readonly failing: Failing
}

/**
 * Takes an event at the head out of its stream: the position moves over it, its account is `removed`. Returns
 * whether it is at the head: another one may have come in front of it.
 */
export function removeHead(pass: Pass, { event, reason, failing }: Removal): boolean {
  const { draft, rules } = pass
  const span = nextInTurn(rules, draft)
  if (span === undefined || span.kind !== 'events') return false
  const { epoch } = span
  const sequence = firstOf(pass, span)
  if (comparePositions({ epoch, sequence }, event) !== 0) return false
  if (!isCurrent(draft, epoch)) openEpoch(pass, epoch, baselineOf(rules, span.after))
  draft.failing = failing
  takeOut(pass, { ...span, to: sequence, count: 1 }, { reason, detail: failing.error, entry: failing.error })
  const rest = draft.held.slice(1)
  draft.held = sequence === span.to ? rest : [{ ...span, after: sequence, count: span.count - 1 }, ...rest]
  draft.position = sequence
  draft.failing = undefined
  if (reason === 'worker-died') {
    draft.quarantine = Math.max(0, draft.quarantine - 1)
    draft.suspects = Math.max(0, draft.suspects - 1)
  }
  if (draft.halt?.cause === 'failure' || draft.halt?.cause === 'schema') draft.halt = undefined
  settleCounters(pass)
  return true
}

/** Whether a held event is in turn and nothing but its own failure stops it. */
export function canAdvance({ rules, state }: RuledStream): boolean {
  return !haltStops(state) && nextInTurn(rules, state) !== undefined
}

/** A stream whose events up to a position were handled elsewhere: what an import of positions makes. */
export function importedStream(
  rules: StreamRules,
  position: { readonly epoch: number; readonly sequence: Sequence },
): StreamState {
  const { epoch, sequence } = position
  const state = { ...unknownStream, epoch, position: sequence }
  if (rules.numbering.kind !== 'contiguous') return { ...state, provenAbove: sequence }
  const { start } = rules.numbering
  const baseline = start === 'first-seen' ? Math.min(0, Number(sequence)) : start
  const imported = Math.max(0, Number(sequence) - baseline + 1)
  return { ...state, baseline, counts: { ...state.counts, imported } }
}
