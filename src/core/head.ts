// What can be done with the event at the head of a stream once it is held: try it again, or take it out.
// Upholds I1: a removed number gets an account of its own, and what follows stays in order.
import { drain, drainIfClosed, nextInTurn } from './advance.ts'
import type { RuledStream } from './decide.ts'
import { endPass } from './end-pass.ts'
import { openEpoch } from './epochs.ts'
import { baselineOf, isCurrent } from './numbering-rules.ts'
import type { Decided, Pass, PassContext } from './pass.ts'
import { beginPass } from './pass.ts'
import { rememberHeld } from './remember-held.ts'
import type { StreamRules } from './rules.ts'
import type { Sequence } from './sequence.ts'
import type { HeldSpan, StreamState } from './stream-state.ts'
import { haltStops, unknownStream } from './stream-state.ts'

/** Takes every held event that is in turn now; with `context.retry` a failing one among them. Pure. */
export function advance(stream: RuledStream, context: PassContext): Decided {
  const pass = beginPass(stream.rules, stream.state, context)
  drainIfClosed(pass)
  drain(pass)
  return endPass(pass)
}

/**
 * Takes the event at the head out of its stream: the position moves over it, its account is `removed`. Pure.
 */
export function removeHead(stream: RuledStream, context: PassContext): Decided {
  const pass = beginPass(stream.rules, stream.state, context)
  const span = nextInTurn(pass)
  if (span === undefined || span.kind !== 'events') return endPass(pass)
  const { draft } = pass
  const { epoch } = span
  if (!isCurrent(draft, epoch)) openEpoch(pass, epoch, baselineOf(stream.rules, span.after))
  const sequence = firstOf(pass, span)
  rememberHeld(pass, { epoch, after: span.after, to: sequence })
  const rest = draft.held.slice(1)
  draft.held = sequence === span.to ? rest : [{ ...span, after: sequence, count: span.count - 1 }, ...rest]
  draft.heldCount--
  draft.counts.removed++
  draft.position = sequence
  draft.failing = undefined
  if (draft.halt?.cause === 'failure' || draft.halt?.cause === 'schema') draft.halt = undefined
  pass.steps.push({ kind: 'removed', epoch, sequence })
  return endPass(pass)
}

/** Whether a held event is in turn and nothing but its own failure stops it. */
export function canAdvance(stream: RuledStream, context: PassContext): boolean {
  if (haltStops(stream.state) || stream.state.held.length === 0) return false
  return nextInTurn(beginPass(stream.rules, stream.state, context)) !== undefined
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

function firstOf(pass: Pass, span: HeldSpan): Sequence {
  if (pass.rules.numbering.kind === 'contiguous') return Number(span.after) + 1
  return pass.held.members(span.epoch, span.after, span.to)[0]?.sequence ?? span.to
}
