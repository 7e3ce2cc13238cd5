// How far relays are behind their log: what lies behind the places that they have kept.
import type { LoggedEvent } from '../../core/logged-event.ts'
import type { RelayLag } from '../../ports/relay-news.ts'
import type { LogPlaces } from '../log-places.ts'
import { shardOf } from '../log-places.ts'
import type { RelayParts } from './relay-parts.ts'

/** The lag of all shards together. */
export async function unsentOf(parts: RelayParts, places: LogPlaces): Promise<RelayLag> {
  const { log, store, shards } = parts
  let behind = Infinity
  let oldest: LoggedEvent | undefined
  for (let shard = 1; shard <= shards; shard++) {
    const after = (await places.find(shard))?.through ?? 'kept'
    const event = await firstUnsent(parts, shard, after)
    if (event === undefined) continue
    behind = Math.min(behind, after === 'kept' ? event.place - 1 : after)
    if (oldest === undefined || event.place < oldest.place) oldest = event
  }
  if (oldest === undefined) return { events: 0, ageMs: 0 }
  const { last } = await log.bounds()
  return { events: last - behind, ageMs: Math.max(0, (await store.now()) - oldest.appendedAt) }
}

/** The first event of a shard behind a place. */
async function firstUnsent(
  { log, filter, shards, batch }: RelayParts,
  shard: number,
  after: number | 'kept',
): Promise<LoggedEvent | undefined> {
  for (let at: number | 'kept' = after; ;) {
    const { events, through, isEnd } = await log.page({
      ...filter,
      after: at,
      limit: shards === 1 ? 1 : batch,
    })
    const event = events.find((one) => shardOf(one, shards) === shard)
    if (event !== undefined || isEnd) return event
    at = through
  }
}
