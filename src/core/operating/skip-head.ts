// An operator gives up what a stream stands at: the gap at its head, or the event that is in turn. Upholds
// I3: what is skipped has an account, lost or removed, and an event is kept as a dead letter.
import { giveUpHead, nextInTurn } from '../advance.ts'
import { counterOf, firstFrom, numbersText } from '../counter.ts'
import { openEpoch } from '../epochs.ts'
import type { Gap } from '../gaps.ts'
import { headGap } from '../gaps.ts'
import { baselineOf, isCurrent } from '../numbering-rules.ts'
import type { Pass, PassContext } from '../pass.ts'
import { beginPass } from '../pass.ts'
import type { RuledStream } from '../run-pass.ts'
import { endPass } from '../run-pass.ts'
import type { Epoch, Position, Sequence } from '../sequence.ts'
import type { HeldSpan, StreamState } from '../stream-state.ts'
import { firstOf, skipEvents } from '../taken-events.ts'
import type { ActionRange, Operated } from './operated.ts'
import { declined, ownHalt } from './operated.ts'
import { seekForwards } from './seek-forwards.ts'

/** Which number the operator saw; `sees` tells whether a number of the stream is that one. */
export interface Seen {
  readonly text: string
  sees(sequence: Sequence): boolean
  /** Whether the number lies in a range; `from` is null where its beginning is unknown. */
  liesIn(range: { readonly from: Sequence | null; readonly to: Sequence }): boolean
}

/** What is known when something is skipped. */
export interface SkipContext extends PassContext {
  /** Where events belong that are kept and not decided yet: none of them is given up with a gap. */
  readonly undecided?: readonly Position[]
}

/** Skips the gap at the head, or the event that is in turn. An operator's own halt stays. Pure. */
export function skipHead(stream: RuledStream, context: SkipContext, seen?: Seen): Operated {
  const pass = beginPass(stream.rules, stream.state, { ...context, isPaused: true })
  const { failing } = pass.draft
  const gap = failing === undefined ? headGap(stream.rules, stream.state) : undefined
  if (gap !== undefined) {
    const come = firstWithin(pass, gap, context.undecided ?? [])
    return come === undefined ? skipGap(pass, gap, seen) : skipUpTo(stream, context, { gap, come, seen })
  }
  const span = nextInTurn(stream.rules, pass.draft)
  if (span === undefined) return declined('nothing of it is held: there is nothing to skip')
  if (span.kind === 'fill') return declined('a fill is in turn, which a worker takes by itself')
  const sequence = firstOf(pass, span)
  if (seen !== undefined && !seen.sees(sequence)) return elsewhere(seen, `the event ${String(sequence)}`)
  if (failing !== undefined && (failing.epoch !== span.epoch || failing.sequence !== sequence)) {
    const other = `the event ${String(sequence)} of epoch ${span.epoch}`
    return declined(`${other} came in front of the one that failed: retry first`)
  }
  if (failing === undefined && pass.draft.halt?.cause === 'gap') {
    return declined(`its next event, ${String(sequence)}, has come: resume lets it go on, up to the next gap`)
  }
  return skipEvent(pass, span, sequence)
}

/** The lowest number of a gap that has come and is not decided yet, in contiguous numbers. */
function firstWithin(pass: Pass, gap: Gap, undecided: readonly Position[]): number | undefined {
  if (pass.rules.numbering.kind !== 'contiguous') return undefined
  const counter = counterOf(pass.rules.numbering)
  const from = Number(gap.from)
  const numbers = undecided
    .filter(({ epoch }) => epoch === gap.epoch)
    .map(({ sequence }) => Number(sequence))
    .map((number) => (counter === undefined ? number : firstFrom(counter, from, number)))
    .filter((number) => number >= from && number <= gap.to)
  return numbers.length === 0 ? undefined : Math.min(...numbers)
}

/** Gives up only what lies below a number that has come: that one has its turn next. */
function skipUpTo(
  stream: RuledStream,
  context: PassContext,
  of: { readonly gap: Gap; readonly come: number; readonly seen: Seen | undefined },
): Operated {
  const { gap, come, seen } = of
  if (come === gap.from) return declined(`number ${come} has come, and a worker decides it first: try again`)
  const part = { from: gap.from, to: come - 1 }
  if (seen !== undefined && !seen.liesIn(part)) return elsewhere(seen, `a gap that ends at ${part.to}`)
  const operated = seekForwards(stream, { epoch: gap.epoch, sequence: part.to }, context)
  if (operated.kind === 'declined') return operated
  const halt = ownHalt(operated.state)
  const done = `the numbers up to ${part.to} are lost; ${come} has come, and a worker decides it next`
  return { ...operated, state: { ...operated.state, halt }, range: rangeOf(gap.epoch, part), done }
}

function skipGap(pass: Pass, gap: Gap, seen: Seen | undefined): Operated {
  const { from, to } = gap
  const range = numbersText(gap)
  if (seen !== undefined && !seen.liesIn(gap)) return elsewhere(seen, `the gap, ${range}`)
  giveUpHead(pass)
  const done = from === to ? `${range} is lost` : `${range} are lost`
  return granted(pass, rangeOf(gap.epoch, gap), done)
}

function skipEvent(pass: Pass, span: HeldSpan, sequence: Sequence): Operated {
  const { draft, rules } = pass
  const { epoch } = span
  if (!isCurrent(draft, epoch)) openEpoch(pass, epoch, baselineOf(rules, span.after))
  skipEvents(pass, { ...span, to: sequence, count: 1 })
  const rest = draft.held.slice(1)
  const isWhole = sequence === span.to || span.count === 1
  const left = {
    ...span,
    after: rules.numbering.kind === 'increasing' ? null : sequence,
    count: span.count - 1,
  }
  draft.held = isWhole ? rest : [left, ...rest]
  draft.position = sequence
  draft.failing = undefined
  const range = rangeOf(epoch, { from: sequence, to: sequence })
  return granted(pass, range, `the event ${String(sequence)} is a dead letter`)
}

/** A halt over what was skipped ends; an operator's own halt does not. */
function granted(pass: Pass, range: ActionRange, done: string): Operated {
  const { draft } = pass
  draft.halt = ownHalt(draft)
  const decided = endPass(pass)
  return { kind: 'granted', ...decided, range, done: `${done}${goesOn(decided.state)}` }
}

function rangeOf(epoch: Epoch, { from, to }: Pick<Gap, 'from' | 'to'>): ActionRange {
  return { epoch, ...(from !== null && { from }), to }
}

function goesOn({ halt }: StreamState): string {
  return halt === undefined || halt.cause === 'half-turn'
    ? '; the stream goes on from there'
    : '; it stays halted until it is resumed'
}

function elsewhere({ text }: Seen, what: string): Operated {
  return declined(`it does not stand at ${text} but at ${what}`)
}
