// Numbers of domains whose counter wraps, as they are shown: as on the wire, and unwrapped beside it, in
// every listing. A number that is not decided yet has no other form than that on the wire.
import { counterOf, onWire } from '../core/counter.ts'
import type { StreamRules } from '../core/rules.ts'
import type { Sequence } from '../core/sequence.ts'
import type { Halt } from '../core/stream-state.ts'

/** A number as on the wire, and without wrapping where the domain's counter wraps. */
export interface ShownNumber {
  readonly sequence: Sequence
  readonly unwrapped?: Sequence
}

/** A range as on the wire, and without wrapping where the domain's counter wraps. */
export interface ShownRange {
  readonly from: Sequence | null
  readonly to: Sequence
  readonly unwrapped?: { readonly from: Sequence | null; readonly to: Sequence }
}

/** A number of a domain, as it is shown. */
export function shownNumber({ numbering }: StreamRules, sequence: Sequence): ShownNumber {
  const counter = counterOf(numbering)
  return counter === undefined ? { sequence } : { sequence: onWire(counter, sequence), unwrapped: sequence }
}

/** A range of a domain, as it is shown. */
export function shownRange(
  rules: StreamRules,
  { from, to }: { readonly from: Sequence | null; readonly to: Sequence },
): ShownRange {
  const [first, last] = [from === null ? null : shownNumber(rules, from).sequence, shownNumber(rules, to)]
  const unwrapped = last.unwrapped === undefined ? {} : { unwrapped: { from, to } }
  return { from: first, to: last.sequence, ...unwrapped }
}

/** A halt, as it is shown. */
export function shownHalt(rules: StreamRules, halt: Halt): Halt {
  const { gapTo } = halt
  return gapTo === undefined ? halt : { ...halt, gapTo: { ...gapTo, ...shownNumber(rules, gapTo.sequence) } }
}

/** A number in words: unwrapped beside it where that is another one. */
export function numberText({ sequence, unwrapped = sequence }: ShownNumber): string {
  return sequence === unwrapped ? String(sequence) : `${sequence} (unwrapped ${unwrapped})`
}

/** A range in words: one number, or two; an unknown beginning is `?`. */
export function rangeText({ from, to, unwrapped = { from, to } }: ShownRange): string {
  const last = numberText({ sequence: to, unwrapped: unwrapped.to })
  if (unwrapped.from === unwrapped.to) return last
  if (from === null || unwrapped.from === null) return `? to ${last}`
  return `${numberText({ sequence: from, unwrapped: unwrapped.from })} to ${last}`
}
