// `inturn dead`: the dead letters, with what was wrong with each; with --json each stands whole.
import { Command, Option } from 'commander'
import { moment } from '../core/time-words.ts'
import type { KnownDomains } from '../operate/domain-rules.ts'
import type { ConsumerView } from '../operate/paging.ts'
import { eachDeadLetter, eachInboxEntry } from '../operate/paging.ts'
import { isDecided } from '../operate/retry-dead-letters.ts'
import type { ShownNumber } from '../operate/shown-number.ts'
import { numberText } from '../operate/shown-number.ts'
import { deadLetterReasons } from '../ports/records.ts'
import type { DeadLetter, DeadLetterReason, Redrive } from '../ports/records.ts'
import type { Paged } from '../ports/store-reader.ts'
import { deadDropCommand, deadRetryCommand } from './dead-actions.ts'
import { deadExportCommand } from './dead-export.ts'
import { jsonField } from './exact-json.ts'
import type { StoreListFlags } from './listing.ts'
import { addStoreListFlags, printListing, recordFilter, withoutCursor } from './listing.ts'
import { shortened } from './printable.ts'
import { withConsumer } from './store-flags.ts'
import { findNamedStream, streamArgument } from './stream-argument.ts'
import type { Cell } from './table.ts'
import { shownIn } from './wire-numbers.ts'

interface DeadListFlags extends StoreListFlags {
  readonly reason?: DeadLetterReason
}

/** The command `inturn dead`. */
export function deadCommand(): Command {
  return addStoreListFlags(new Command('dead'))
    .addCommand(deadRetryCommand())
    .addCommand(deadDropCommand())
    .addCommand(deadExportCommand())
    .description('the dead letters: events taken out of their streams, with the reason')
    .argument('[stream]', streamArgument)
    .addOption(new Option('--reason <reason>', 'only those with this reason').choices(deadLetterReasons))
    .action(async (name: string | undefined, flags: DeadListFlags) =>
      withConsumer(flags, async (view, known) => {
        const { reason } = flags
        const waiting = await waitingRedrives(view)
        const filter = await recordFilter(view, name, flags)
        const count = await printListing<Paged<DeadLetter>>(
          {
            items: eachDeadLetter(view, { ...filter, ...(reason !== undefined && { reason }) }),
            head: ['at', 'reason', 'stream', 'epoch', 'sequence', 'id', 'attempts', 'detail', 'where'],
            row: (letter) => row(letter, { known, waiting }),
            json: (letter) => json(letter, { known, waiting }),
            none: 'there are no dead letters',
          },
          flags,
        )
        if (count === 0 && name !== undefined) await findNamedStream(view, name)
      }),
    )
}

/** What the letters are shown with. */
interface Setting {
  readonly known: KnownDomains
  /** By key: who has a letter tried again, and why, where no worker has begun yet. */
  readonly waiting: ReadonlyMap<string, Redrive>
}

async function waitingRedrives(view: ConsumerView): Promise<ReadonlyMap<string, Redrive>> {
  const waiting = new Map<string, Redrive>()
  for await (const { redrive } of eachInboxEntry(view)) {
    // Of two who asked, the first is tried.
    if (redrive !== undefined && !waiting.has(redrive.key)) waiting.set(redrive.key, redrive)
  }
  return waiting
}

function json(letter: Paged<DeadLetter>, { known, waiting }: Setting): object {
  const { key } = letter
  const redrive = waiting.get(key)
  const { payload, ...rest } = withoutCursor(letter)
  const shown = {
    ...rest,
    ...jsonField('payload', payload),
    ...(redrive !== undefined && { redrive: { by: redrive.by, reason: redrive.reason } }),
  }
  return { ...shown, ...numberOf(letter, known) }
}

/** Its number. Of what was not decided it is as on the wire, and no other is known. */
function numberOf({ reason, stream, sequence }: DeadLetter, known: KnownDomains): ShownNumber | undefined {
  if (sequence === undefined) return undefined
  return isDecided(reason) ? shownIn(known, stream, sequence) : { sequence }
}

function row(letter: DeadLetter, { known, waiting }: Setting): readonly Cell[] {
  const { at, reason, stream, epoch, id, attempts, detail, key, stack } = letter
  const number = numberOf(letter, known)
  const redrive = waiting.get(key)
  const said = redrive === undefined ? detail : `(waits for a worker, for ${redrive.by}) ${detail}`
  const place = [moment(at), reason, stream, epoch, number && numberText(number), id, attempts]
  const where = shortened(stack?.split('\n')[0] ?? '', 60)
  return [...place, shortened(said, 60), where]
}
