// `inturn dead`: the dead letters, with what was wrong with each; with --json each stands whole.
import { Command, Option } from 'commander'
import type { KnownDomains } from '../operate/domain-rules.ts'
import { eachDeadLetter } from '../operate/paging.ts'
import { moment } from '../operate/time-words.ts'
import type { DeadLetter, DeadLetterReason } from '../ports/records.ts'
import type { Paged } from '../ports/store-reader.ts'
import type { ListFlags } from './listing.ts'
import { addLimitFlag, printListing, withoutCursor } from './listing.ts'
import { shortened } from './printable.ts'
import type { StoreFlags } from './store-flags.ts'
import { addStoreFlags, withConsumer } from './store-flags.ts'
import { findNamedStream, pathOfNamed, streamArgument } from './stream-argument.ts'
import type { Cell } from './table.ts'
import { numberText, shownNumber } from './wire-numbers.ts'

interface DeadFlags extends StoreFlags, ListFlags {
  readonly domain?: string
  readonly reason?: DeadLetterReason
}

/** Every reason; the type sees to it that none is missing here. */
const reasons: Readonly<Record<DeadLetterReason, true>> = {
  invalid: true,
  stale: true,
  late: true,
  conflict: true,
  implausible: true,
  'epoch-ended': true,
  overflow: true,
  skipped: true,
  failed: true,
  'worker-died': true,
  'too-large': true,
}

/** The command `inturn dead`. */
export function deadCommand(): Command {
  return addLimitFlag(addStoreFlags(new Command('dead')))
    .description('the dead letters: events taken out of their streams, with the reason')
    .argument('[stream]', streamArgument)
    .option('--domain <name>', 'only the streams of this domain')
    .addOption(new Option('--reason <reason>', 'only those with this reason').choices(Object.keys(reasons)))
    .action(async (name: string | undefined, flags: DeadFlags) =>
      withConsumer(flags, async (view, known) => {
        const { domain, reason } = flags
        const stream = name === undefined ? undefined : await pathOfNamed(view, name)
        const count = await printListing<Paged<DeadLetter>>(
          {
            items: eachDeadLetter(view, {
              ...(stream !== undefined && { stream }),
              ...(domain !== undefined && { domain }),
              ...(reason !== undefined && { reason }),
            }),
            head: ['at', 'reason', 'stream', 'epoch', 'sequence', 'id', 'attempts', 'detail'],
            row: (letter) => row(letter, known),
            json: (letter) => json(letter, known),
            none: 'there are no dead letters',
          },
          flags,
        )
        if (count === 0 && name !== undefined) await findNamedStream(view, name)
      }),
    )
}

function json(letter: Paged<DeadLetter>, known: KnownDomains): object {
  const { sequence, stream } = letter
  if (sequence === undefined) return withoutCursor(letter)
  const { wire, unwrapped } = shownNumber(known, stream, sequence)
  return { ...withoutCursor(letter), sequence: wire, ...(unwrapped !== undefined && { unwrapped }) }
}

function row(letter: DeadLetter, known: KnownDomains): readonly Cell[] {
  const { at, reason, stream, epoch, sequence, id, attempts, detail } = letter
  const number = sequence === undefined ? undefined : numberText(shownNumber(known, stream, sequence))
  return [moment(at), reason, stream, epoch, number, id, attempts, shortened(detail, 60)]
}
