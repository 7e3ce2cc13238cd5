// `inturn held`: the events that wait for a predecessor or for their stream, in the order in which they will
// be delivered.
import { Command } from 'commander'
import { moment } from '../core/time-words.ts'
import { eachHeld } from '../operate/paging.ts'
import { numberText } from '../operate/shown-number.ts'
import type { HeldEvent } from '../ports/records.ts'
import { exactJson, jsonField } from './exact-json.ts'
import type { StoreListFlags } from './listing.ts'
import { addStoreListFlags, printListing } from './listing.ts'
import { shortened } from './printable.ts'
import { withConsumer } from './store-flags.ts'
import { findNamedStream, streamArgument } from './stream-argument.ts'
import type { Cell } from './table.ts'

/** The command `inturn held`. */
export function heldCommand(): Command {
  return addStoreListFlags(new Command('held'))
    .description('the events that wait for a predecessor or for their stream')
    .argument('[stream]', streamArgument)
    .action(async (name: string | undefined, flags: StoreListFlags) =>
      withConsumer(flags, async (view) => {
        const { domain } = flags
        const stored = name === undefined ? undefined : await findNamedStream(view, name)
        if (name !== undefined && stored === undefined) return
        const filter = { ...(stored && { stream: stored.stream }), ...(domain !== undefined && { domain }) }
        await printListing(
          {
            items: eachHeld(view, filter),
            head: ['stream', 'epoch', 'sequence', 'id', 'type', 'held since', 'data'],
            row,
            json,
            none: 'no event is held',
          },
          flags,
        )
      }),
    )
}

function json({ stream, event, heldAt }: HeldEvent): object {
  const { wireSequence, data, ...rest } = event
  const wrapped = wireSequence === undefined ? {} : { sequence: wireSequence, unwrapped: event.sequence }
  return { ...rest, ...jsonField('data', data), ...wrapped, stream, key: event.stream, heldAt }
}

function row({ stream, event, heldAt }: HeldEvent): readonly Cell[] {
  const { epoch, sequence, wireSequence, id, type, data } = event
  const number = wireSequence === undefined ? { sequence } : { sequence: wireSequence, unwrapped: sequence }
  const text = data === undefined ? '' : shortened(exactJson(data), 40)
  return [stream, epoch, numberText(number), id, type, moment(heldAt), text]
}
