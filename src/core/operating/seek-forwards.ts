// An operator moves a stream forwards over numbers that it will not see. Upholds I1 and I3: every number that
// is passed over gets an account: missing ones are lost, held events are taken out as dead letters, held
// fills are filled.
import { fillUpTo, lose } from '../advance.ts'
import { openEpoch } from '../epochs.ts'
import { withoutBeyond } from '../log-marks.ts'
import { isCurrent, originOf } from '../numbering-rules.ts'
import type { Pass, PassContext } from '../pass.ts'
import { beginPass } from '../pass.ts'
import type { RuledStream } from '../run-pass.ts'
import { endPass } from '../run-pass.ts'
import type { Epoch, Position, Sequence } from '../sequence.ts'
import { after, comparePositions } from '../sequence.ts'
import type { HeldSpan, StreamState } from '../stream-state.ts'
import { skipEvents } from '../taken-events.ts'
import type { Operated } from './operated.ts'
import { declined, ownHalt } from './operated.ts'

/**
 * Moves the position to a place ahead of it, in its epoch or a later one, which is opened. A halt over what
 * is passed ends; an operator's own halt does not. Pure.
 */
export function seekForwards(stream: RuledStream, target: Position, context: PassContext): Operated {
  const pass = beginPass(stream.rules, stream.state, { ...context, isPaused: true })
  const start = beginAt(pass, target)
  if (typeof start === 'object' && start !== null) return start
  const between = passHeld(pass, target, start)
  if (between !== undefined) return between
  const { draft } = pass
  draft.position = target.sequence
  draft.logged = knownLog(stream.state, target.epoch)
  endHalt(pass, target)
  const place = `${String(target.sequence)}${target.epoch === 0 ? '' : ` of epoch ${target.epoch}`}`
  return { kind: 'granted', ...endPass(pass), done: `its position is ${place} now` }
}

/** What is known of the log: where what was accounted for was read. What comes behind follows the target. */
function knownLog({ epoch, position, logged }: StreamState, target: Epoch): StreamState['logged'] {
  if (logged === undefined || position === undefined || epoch !== target) return undefined
  return withoutBeyond(logged, Number(position))
}

/** The place from which numbers are passed over, in the epoch of the target, which is open then. */
function beginAt(pass: Pass, { epoch, sequence }: Position): Sequence | null | Operated {
  const { draft, rules } = pass
  if (isCurrent(draft, epoch)) return draft.position ?? null
  if (draft.position !== undefined && epoch < draft.epoch) {
    return declined(`epoch ${epoch} is over; the stream is in epoch ${draft.epoch}`)
  }
  const origin = originOf(rules, draft, epoch)
  const { numbering } = rules
  if (numbering.kind === 'increasing') {
    openEpoch(pass, epoch, undefined)
    return sequence
  }
  if (numbering.kind === 'linked') {
    openEpoch(pass, epoch, after(sequence))
    return null
  }
  const begin = origin === 'first-seen' || origin.after === null ? sequence : origin.after
  if (numbering.start !== 'first-seen' && sequence < begin) {
    return declined(`the stream begins at ${numbering.start}; the lowest position is ${String(begin)}`)
  }
  const from = begin < sequence ? begin : sequence
  openEpoch(pass, epoch, after(from))
  return from
}

/** Accounts for everything up to the target; says why where the target lies between two chained events. */
function passHeld(pass: Pass, target: Position, start: Sequence | null): Operated | undefined {
  const { draft, rules } = pass
  const isIncreasing = rules.numbering.kind === 'increasing'
  let reached = start
  for (let span = draft.held[0]; span?.epoch === target.epoch; span = draft.held[0]) {
    if (span.after !== null && span.after >= target.sequence) break
    const to = lastWithin(pass, span, target.sequence)
    if (typeof to === 'object') {
      if (isIncreasing) break
      const place = `between ${String(to.below ?? 'its beginning')} and the held event ${String(to.above)}`
      return declined(`${String(target.sequence)} is no number of the chain: it lies ${place}`)
    }
    if (!isIncreasing && span.after !== null && span.after !== reached) loseBehind(pass, reached, span.after)
    takeSpan(pass, span, to)
    reached = to
    if (to !== span.to) break
  }
  if (!isIncreasing && (reached === null || reached < target.sequence)) {
    loseBehind(pass, reached, target.sequence)
  }
  return undefined
}

/**
 * The last number of a span up to the target; between which two numbers the target lies where the span has
 * none there, or where a link of its chain would be cut.
 */
function lastWithin(
  pass: Pass,
  span: HeldSpan,
  target: Sequence,
): Sequence | { readonly below: Sequence | null; readonly above: Sequence } {
  const { kind } = pass.rules.numbering
  if (span.to <= target) return span.to
  if (kind === 'contiguous') return target
  const members = pass.held.members(span.epoch, span.after, span.to)
  const below = members.findLast(({ sequence }) => sequence <= target)?.sequence
  const above = members.find(({ sequence }) => sequence > target)?.sequence ?? span.to
  if (below === undefined) return { below: span.after, above }
  return kind === 'increasing' || below === target ? below : { below, above }
}

/** Takes the head span out up to a number; the rest of it stays held. */
function takeSpan(pass: Pass, span: HeldSpan, to: Sequence): void {
  const { draft, rules } = pass
  const rest = draft.held.slice(1)
  if (span.kind === 'fill') {
    fillUpTo(pass, span, to)
    if (to === span.to) draft.heldCount--
    draft.held = to === span.to ? rest : [{ ...span, after: to }, ...rest]
    return
  }
  const count = countUpTo(pass, span, to)
  skipEvents(pass, { ...span, to, count })
  const left = {
    ...span,
    after: rules.numbering.kind === 'increasing' ? null : to,
    count: span.count - count,
  }
  draft.held = left.count === 0 ? rest : [left, ...rest]
}

function countUpTo({ rules, held }: Pass, span: HeldSpan, to: Sequence): number {
  if (to === span.to) return span.count
  if (rules.numbering.kind === 'contiguous') return Number(to) - Number(span.after)
  return held.members(span.epoch, span.after, to).length
}

function loseBehind(pass: Pass, reached: Sequence | null, to: Sequence): void {
  lose(pass, reached === null ? null : after(reached), to)
}

/** What stopped the stream at or below the target is passed. */
function endHalt({ draft }: Pass, target: Position): void {
  const { failing, halt } = draft
  if (failing !== undefined && comparePositions(failing, target) <= 0) draft.failing = undefined
  if (halt === undefined || ownHalt(draft) !== undefined) return
  const isBehind = halt.gapTo !== undefined && comparePositions(halt.gapTo, target) > 0
  if (!isBehind && draft.failing === undefined) draft.halt = undefined
}
