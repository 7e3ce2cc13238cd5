// What there is to say of a producer that may count again: what came, how that is known, what became of it.
import type { RestartSigns, Run } from '../core/stream-state.ts'
import { momentFrom } from '../core/time-words.ts'
import type { Explanation } from './explain.ts'
import { rangeText } from './shown-number.ts'

/** The signs in words, one line each; none where there are none. */
export function restartWords({ restart, nextRun, halt, now }: Explanation): readonly string[] {
  if (restart === undefined) return nextRun === undefined ? [] : [`  ${nextRunText(nextRun)}`]
  const { from, to, settled, firstAt, wireEpoch } = restart
  const range = rangeText(restart)
  const came =
    from === to
      ? `number ${range} came once more, and is no copy`
      : `numbers ${range} came once more, and are no copies`
  const settledWords = settled === 0 ? [] : [`${settled} of them settled as duplicates`]
  const keptWords =
    halt?.cause === 'restart' ? ['what may be new stays with its source, or in the inbox'] : []
  return [
    `  its producer may have started to count again: ${came}`,
    `    ${evidenceText(restart)}`,
    `    ${[`first seen ${momentFrom(firstAt, now)}`, ...settledWords, ...keptWords].join('; ')}`,
    `    a producer that counts again writes a new epoch: "epoch": ${wireEpoch + 1}`,
  ]
}

/** What an operator has said of a run that has not begun yet. */
function nextRunText({ epoch, since }: Run): string {
  const which = since === undefined ? 'by other producers' : `from ${new Date(since).toISOString()} on`
  return `what was made ${which} is of epoch ${epoch}, which opens with its first number`
}

/** How it is known. */
export function evidenceText({
  evidence,
  since,
  until,
}: Pick<RestartSigns, 'evidence' | 'since' | 'until'>): string {
  switch (evidence) {
    case 'time':
      return `made ${spanText(since, until)}, later than all that was accepted`
    case 'producer':
      return 'by a producer that the stream did not know'
    case 'id':
      return 'the first number came with another id than before'
  }
}

function spanText(since: number | undefined, until: number | undefined): string {
  const from = new Date(since ?? 0).toISOString()
  return since === until || until === undefined ? from : `${from} to ${new Date(until).toISOString()}`
}
