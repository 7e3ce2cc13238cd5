// `inturn ledger`: the record of every number that was not simply delivered, and of every operator's action.
import { Command } from 'commander'
import type { Sequence } from '../core/sequence.ts'
import { moment } from '../core/time-words.ts'
import type { KnownDomains } from '../operate/domain-rules.ts'
import { eachLedgerEntry } from '../operate/paging.ts'
import { numberText, shownRange } from '../operate/shown-number.ts'
import type { LedgerEntry } from '../ports/records.ts'
import type { Paged } from '../ports/store-reader.ts'
import type { StoreListFlags } from './listing.ts'
import { addStoreListFlags, printListing, recordFilter, withoutCursor } from './listing.ts'
import { shortened } from './printable.ts'
import { withConsumer } from './store-flags.ts'
import { findNamedStream, streamArgument } from './stream-argument.ts'
import type { Cell } from './table.ts'
import { rulesIn, shownIn } from './wire-numbers.ts'

/** The command `inturn ledger`. */
export function ledgerCommand(): Command {
  return addStoreListFlags(new Command('ledger'))
    .description('the record of lost, filled, late and removed numbers, and of every operator action')
    .argument('[stream]', streamArgument)
    .action(async (name: string | undefined, flags: StoreListFlags) =>
      withConsumer(flags, async (view, known) => {
        const count = await printListing<Paged<LedgerEntry>>(
          {
            items: eachLedgerEntry(view, await recordFilter(view, name, flags)),
            head: ['at', 'what', 'stream', 'epoch', 'from', 'to', 'by', 'reason'],
            row: (entry) => row(entry, known),
            json: (entry) => json(entry, known),
            none: 'the ledger is empty',
          },
          flags,
        )
        if (count === 0 && name !== undefined) await findNamedStream(view, name)
      }),
    )
}

function json(entry: Paged<LedgerEntry>, known: KnownDomains): object {
  const { stream, from, to } = entry
  if (from === undefined || to === undefined) return withoutCursor(entry)
  return { ...withoutCursor(entry), ...shownRange(rulesIn(known, stream), { from, to }) }
}

function row(
  { at, kind, stream, domain, epoch, from, to, by, reason }: LedgerEntry,
  known: KnownDomains,
): readonly Cell[] {
  const text = (sequence: Sequence | undefined): string | undefined =>
    sequence === undefined ? undefined : numberText(shownIn(known, stream, sequence))
  const where = stream ?? (domain === undefined ? undefined : `domain ${domain}`)
  return [moment(at), kind, where, epoch, text(from), text(to), by, shortened(reason, 60)]
}
