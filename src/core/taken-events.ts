// Held events leave the held ones: delivered in their turn, or taken out of their stream as dead letters.
// Upholds I3: each number has an account, and a copy that comes later is known by the conflict memory.
import { remember } from './conflict-memory.ts'
import { invariant } from './errors.ts'
import type { HeldMember } from './held-index.ts'
import type { EventRange, RemovalReason, Standing } from './outcome.ts'
import type { Pass } from './pass.ts'
import { comparePositions } from './sequence.ts'
import type { Sequence } from './sequence.ts'
import type { HeldSpan } from './stream-state.ts'

/** Held events of a range, and how many there are. */
type TakenSpan = EventRange & { readonly count: number }

/**
 * Delivers the events of a span; the caller takes it off the held spans, and moves the position.
 *
 * @param from - where the stream stands in front of them
 * @returns the events as far as they are known, ascending
 */
export function deliverSpan(pass: Pass, span: TakenSpan, from: Standing): readonly HeldMember[] {
  const { epoch } = span
  const events = takeEvents(pass, span)
  let before = from
  for (const { sequence, arrival } of events) {
    pass.outcome.deliverHeld({ epoch, sequence, arrival, before })
    before = { epoch, sequence }
  }
  pass.draft.counts.delivered += span.count
  return events
}

/** Takes the events of a span out of their stream; the caller takes it off the held spans. */
export function takeOut(
  pass: Pass,
  span: TakenSpan,
  why: { readonly reason: RemovalReason; readonly detail: string; readonly entry: string },
): void {
  const { draft, outcome } = pass
  const { epoch, to } = span
  const { reason, detail } = why
  const { failing } = draft
  const events = takeEvents(pass, span)
  for (const { sequence, arrival } of events) {
    const removed = { epoch, sequence, arrival, reason, detail }
    if (failing === undefined || comparePositions(failing, removed) !== 0) outcome.remove(removed)
    else {
      const { attempts, stack } = failing
      outcome.remove({ ...removed, attempts, ...(stack !== undefined && { stack }) })
    }
  }
  draft.counts.removed += span.count
  outcome.enter({ kind: 'removed', epoch, from: events[0]?.sequence ?? to, to, reason: why.entry })
}

/** Takes the events of a span out in an operator's name, likewise. */
export function skipEvents(pass: Pass, span: TakenSpan): void {
  const { operator } = pass.context
  invariant(operator !== undefined, 'nobody skips an event without a name')
  const { by, reason } = operator
  takeOut(pass, span, { reason: 'skipped', detail: `skipped by ${by}: ${reason}`, entry: reason })
}

/** The number of the first event of a held span. */
export function firstOf({ rules, held }: Pass, { epoch, after, to }: HeldSpan): Sequence {
  if (rules.numbering.kind === 'contiguous') return Number(after) + 1
  return held.members(epoch, after, to)[0]?.sequence ?? to
}

function takeEvents({ draft, rules, held, outcome }: Pass, span: TakenSpan): readonly HeldMember[] {
  const { epoch, after, to, count } = span
  const { events, isStored } = held.take(span)
  if (isStored) outcome.release.push({ epoch, after, to })
  draft.heldCount -= count
  const size = rules.conflictMemory
  for (const { sequence, print } of size === 0 ? [] : events.slice(-size)) {
    remember(draft.memory, size, { epoch, sequence, print })
  }
  return events
}
