// What happens when the patience of the gap at the head of a stream has ended. Upholds I8: the caller fires
// it only once everything already fetched or handed over has been decided.
import { drain, giveUpHead } from './advance.ts'
import { numbersText, sequenceText } from './counter.ts'
import type { Gap } from './gaps.ts'
import { givenUpFor, headGap } from './gaps.ts'
import type { Pass } from './pass.ts'
import { settleCounters } from './run-pass.ts'
import { haltStops } from './stream-state.ts'

/**
 * Ends the head gap by its domain's policy: `skip` accounts its numbers as lost and goes on, `halt` stops the
 * stream, `wait` changes nothing. The caller has checked that it is due.
 */
export function endHeadGap(pass: Pass): void {
  const { rules, draft } = pass
  const gap = headGap(rules, draft)
  if (gap === undefined || haltStops(draft)) return
  if (rules.gapEnd === 'halt') halt(pass, gap)
  else if (rules.gapEnd === 'skip') {
    giveUpHead(pass)
    drain(pass)
  }
  settleCounters(pass)
}

function halt({ rules, draft, context, outcome }: Pass, { epoch, from, to, clock }: Gap): void {
  const outlasted = givenUpFor('the gap outlasted its patience', clock)
  outcome.enter({ kind: 'halted', epoch, from, to, reason: outlasted })
  const range = numbersText({ from, to }, (sequence) => sequenceText(rules.numbering, sequence))
  const reason = `${range} did not come within the patience`
  draft.halt = { cause: 'gap', at: context.clock.now, reason, gapTo: { epoch, sequence: to } }
}
