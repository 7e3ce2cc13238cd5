// `inturn gaps`: which numbers are missing, since when, what waits behind them, how often somebody was
// asked for them, and when patience ends.
import { Command } from 'commander'
import type { Sequence } from '../core/sequence.ts'
import { moment, spell } from '../core/time-words.ts'
import { eachGap } from '../operate/read-gaps.ts'
import type { StreamGap } from '../operate/read-gaps.ts'
import { numberText } from '../operate/shown-number.ts'
import type { StoreListFlags } from './listing.ts'
import { addStoreListFlags, printListing, recordFilter } from './listing.ts'
import { withConsumer } from './store-flags.ts'
import type { Cell } from './table.ts'

/** The command `inturn gaps`. */
export function gapsCommand(): Command {
  return addStoreListFlags(new Command('gaps'))
    .description('which numbers are missing, since when, and when patience ends (with --config)')
    .action(async (flags: StoreListFlags) =>
      withConsumer(flags, async (view, known) => {
        await printListing(
          {
            items: eachGap(view, known, await recordFilter(view, undefined, flags)),
            head: [
              'stream',
              'epoch',
              'from',
              'to',
              'missing',
              'held behind',
              'since',
              'waited',
              'asked',
              'then',
            ],
            row,
            json: (gap) => gap,
            none: 'there are no gaps',
          },
          flags,
        )
      }),
    )
}

function row(gap: StreamGap): readonly Cell[] {
  const { stream, epoch, from, to, unwrapped = gap, missing, held, since, waitedMs } = gap
  const text = (sequence: Sequence | null, whole: Sequence | null): string =>
    sequence === null || whole === null ? '?' : numberText({ sequence, unwrapped: whole })
  return [
    stream,
    epoch,
    text(from, unwrapped.from),
    text(to, unwrapped.to),
    missing ?? undefined,
    held,
    moment(since),
    spell(waitedMs),
    askedWords(gap),
    endWords(gap),
  ]
}

/** How often a healer was asked for it. */
function askedWords({ healing }: StreamGap): string | undefined {
  if (healing === undefined) return undefined
  const { attempts, attemptsMax } = healing
  return attemptsMax === undefined ? String(attempts) : `${attempts} of ${attemptsMax}`
}

function endWords({ policy, isHalted, isHead }: StreamGap): string {
  if (isHalted) return 'halted'
  if (policy === undefined) return 'not known without --config'
  const behind = isHead ? '' : ', behind another gap'
  if (policy.isOverdue) return `${policy.end}, overdue${behind}`
  if (policy.leftMs === 0) return `${policy.end} after the last attempt to heal${behind}`
  return `${policy.end} after ${spell(policy.leftMs)} of reading${behind}`
}
