// What the rules need of an event or a fill, whether it has just come or was kept whole: its place as it was
// on the wire, and what it is told by.
import { eventFingerprint, fingerprint } from '../core/fingerprint.ts'
import type { Arrival } from '../core/pass.ts'
import { madeOf, readTime } from '../core/producer-runs.ts'
import type { InboxEntry } from '../ports/records.ts'
import type { LogPlace } from '../ports/source.ts'
import type { TrackedDomain } from './domain.ts'

/** An event or fill as the rules take it; `logPlace`: where its log had it. It counts where numbers wrap. */
export function arrivalOf(
  event: InboxEntry['arrival'],
  { rules, isWrapped }: TrackedDomain,
  logPlace?: LogPlace,
): Arrival {
  const place =
    isWrapped && logPlace !== undefined ? { log: fingerprint(logPlace.log), at: logPlace.at } : undefined
  if ('fill' in event) return { kind: 'fill', epoch: event.epoch, ...event.fill, ...madeOf(event), place }
  const { id, data, previous, time, producer, sequence = 0, wireSequence = sequence } = event
  // All of one shape, whatever an event says.
  return {
    kind: 'event',
    epoch: event.wireEpoch ?? event.epoch,
    sequence: wireSequence,
    previous,
    print: rules.conflictMemory === 0 ? 0 : eventFingerprint(id, data),
    isUnnamed: id === undefined,
    // Whoever has read the past of a counter that wraps knows its turns.
    known: sequence === wireSequence ? undefined : sequence,
    time: time === undefined ? undefined : readTime(time),
    producer: producer === undefined ? undefined : fingerprint(producer),
    place,
  }
}
