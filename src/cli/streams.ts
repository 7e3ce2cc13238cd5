// `inturn streams`: where each stream stands, and what stops it.
import { Command } from 'commander'
import { parseStreamPath } from '../core/stream-path.ts'
import { moment } from '../core/time-words.ts'
import type { KnownDomains } from '../operate/domain-rules.ts'
import { eachStream } from '../operate/paging.ts'
import { numberText, shownHalt, shownNumber, shownRange } from '../operate/shown-number.ts'
import type { StoredStream } from '../ports/store-reader.ts'
import type { StoreListFlags } from './listing.ts'
import { addStoreListFlags, printListing } from './listing.ts'
import { shortened } from './printable.ts'
import { withConsumer } from './store-flags.ts'
import { rulesIn, shownIn } from './wire-numbers.ts'

interface StreamsFlags extends StoreListFlags {
  readonly waiting?: boolean
}

/** The command `inturn streams`. */
export function streamsCommand(): Command {
  return addStoreListFlags(new Command('streams'))
    .description('where each stream stands, and what stops it')
    .option(
      '--waiting',
      'only streams that wait, are halted, failed, or whose producer may have started again',
    )
    .action(async (flags: StreamsFlags) =>
      withConsumer(flags, async (view, known) => {
        const { domain, waiting } = flags
        const filter = {
          ...(domain !== undefined && { domain }),
          ...(waiting !== undefined && { onlyWaiting: waiting }),
        }
        const none = waiting === true ? 'no stream waits' : 'there are no streams'
        await printListing(
          {
            items: eachStream(view, filter),
            head: ['stream', 'epoch', 'position', 'held', 'deliveries', 'changed', 'stopped by'],
            row: (stored) => row(stored, known),
            json: (stored) => json(stored, known),
            none,
          },
          flags,
        )
      }),
    )
}

function row(stored: StoredStream, known: KnownDomains): readonly (string | number)[] {
  const { stream, state, deliveries, changedAt } = stored
  const { position } = state
  const stands = position === undefined ? 'unknown' : numberText(shownIn(known, stream, position))
  return [
    stream,
    state.epoch,
    stands,
    state.heldCount,
    deliveries,
    moment(changedAt),
    stopWords(stored, known),
  ]
}

function json(stored: StoredStream, known: KnownDomains): object {
  const { stream, state, deliveries, changedAt, claimedBy } = stored
  const { arrivals = 0, redrives = 0 } = stored.inbox ?? {}
  const { domain = '', stream: key = '' } = parseStreamPath(stream) ?? {}
  const { halt, failing } = state
  const rules = rulesIn(known, stream)
  const position = state.position === undefined ? undefined : shownIn(known, stream, state.position)
  return {
    stream,
    domain,
    key,
    epoch: state.epoch,
    position: position?.sequence ?? null,
    ...(position?.unwrapped !== undefined && { unwrapped: position.unwrapped }),
    held: state.heldCount,
    deliveries,
    handedOver: arrivals + redrives,
    counts: state.counts,
    duplicates: state.duplicates ?? null,
    restart: state.restart === undefined ? null : { ...state.restart, ...shownRange(rules, state.restart) },
    halt: halt === undefined ? null : shownHalt(rules, halt),
    failing: failing === undefined ? null : { ...failing, ...shownNumber(rules, failing.sequence) },
    claimedBy: claimedBy ?? null,
    changedAt,
  }
}

function stopWords({ stream, state }: StoredStream, known: KnownDomains): string {
  const { halt, failing, held, restart } = state
  if (halt !== undefined) return `halted (${halt.cause}): ${shortened(halt.reason, 50)}`
  if (failing !== undefined) {
    const number = numberText(shownIn(known, stream, failing.sequence))
    return `failing at ${number}: ${shortened(failing.error, 50)}`
  }
  if (restart !== undefined) return 'its producer may have started again'
  return held.length > 0 ? 'a gap' : ''
}
