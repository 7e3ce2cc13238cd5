// What happens when the patience of the gap at the head of a stream has ended. Upholds I8: the caller fires
// it only once everything already fetched or handed over has been decided.
import { drain, giveUpHead } from './advance.ts'
import { sequenceText } from './counter.ts'
import type { RuledStream } from './decide.ts'
import { endPass } from './end-pass.ts'
import { headGap, searchedFor } from './gaps.ts'
import type { Decided, PassContext } from './pass.ts'
import { beginPass } from './pass.ts'
import type { Sequence } from './sequence.ts'
import { haltStops } from './stream-state.ts'

/**
 * Ends the head gap by its domain's policy: `skip` accounts its numbers as lost and goes on, `halt` stops the
 * stream, `wait` changes nothing. The caller has checked that it is due. Pure.
 */
export function endHeadGap(stream: RuledStream, context: PassContext): Decided {
  const { rules, state } = stream
  const pass = beginPass(rules, state, context)
  const gap = headGap(rules, state)
  if (gap === undefined || haltStops(state) || rules.gapEnd === 'wait') {
    return endPass(pass)
  }
  if (rules.gapEnd === 'halt') {
    const { epoch, from, to } = gap
    pass.steps.push({ kind: 'halted', epoch, from, to, ...searchedFor(gap.clock) })
    const text = (sequence: Sequence): string => sequenceText(rules.numbering, sequence)
    const range = `${from === null ? '?' : text(from)} to ${text(to)}`
    const reason = `numbers ${range} did not come within the patience`
    pass.draft.halt = { cause: 'gap', at: context.clock.now, reason, gapTo: { epoch, sequence: to } }
    return endPass(pass)
  }
  giveUpHead(pass)
  drain(pass)
  return endPass(pass)
}
