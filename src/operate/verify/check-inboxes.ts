// How much each inbox is said to have, against its entries: what is said to be empty is never looked at.
// Upholds I3. Streams go on meanwhile, so only what is found again, with the counter at rest, counts.
import type { StreamPath } from '../../core/stream-path.ts'
import type { StoredInbox } from '../../ports/store-reader.ts'
import type { ConsumerView } from '../paging.ts'
import { eachInboxEntry } from '../paging.ts'
import type { Imbalance } from './imbalance.ts'

type Counts = Pick<StoredInbox, 'arrivals' | 'redrives'>

const triesMax = 10
const none: Counts = { arrivals: 0, redrives: 0 }

/**
 * What does not add up in the inboxes of streams that the store knows; `told` are those that say they have
 * some.
 */
export async function checkInboxes(
  view: ConsumerView,
  told: ReadonlyMap<StreamPath, Counts>,
): Promise<readonly Imbalance[]> {
  const entries = new Map<StreamPath, { arrivals: number; redrives: number }>()
  for await (const { stream, redrive } of eachInboxEntry(view)) {
    const counts = entries.get(stream) ?? { arrivals: 0, redrives: 0 }
    counts[redrive === undefined ? 'arrivals' : 'redrives']++
    entries.set(stream, counts)
  }
  const found: Imbalance[] = []
  for (const stream of new Set([...entries.keys(), ...told.keys()])) {
    if (isSame(entries.get(stream) ?? none, told.get(stream) ?? none)) continue
    found.push(...(await checkInbox(view, stream)))
  }
  return found
}

async function checkInbox(view: ConsumerView, stream: StreamPath): Promise<readonly Imbalance[]> {
  const { reader, consumer } = view
  for (let tries = 0; tries < triesMax; tries++) {
    const before = await reader.stream(consumer, stream)
    const there = { arrivals: 0, redrives: 0 }
    for await (const { redrive } of eachInboxEntry(view, { stream })) {
      there[redrive === undefined ? 'arrivals' : 'redrives']++
    }
    const after = await reader.stream(consumer, stream)
    if (before === undefined || after === undefined) return []
    const counted = before.inbox ?? none
    if (!isSame(counted, after.inbox ?? none)) continue
    if (isSame(counted, there)) return []
    const detail = 'entries of its inbox, and how many it is said to have'
    return [{ check: 'inbox', stream, expected: text(there), found: text(counted), detail }]
  }
  return []
}

function isSame(a: Counts, b: Counts): boolean {
  return a.arrivals === b.arrivals && a.redrives === b.redrives
}

function text({ arrivals, redrives }: Counts): string {
  return redrives === 0 ? String(arrivals) : `${arrivals} and ${redrives} retries`
}
