// Reads a store's lists to their end, page by page, so that neither a store nor its reader ever holds a whole
// list. Upholds I7: what is read at once has a limit.
import type { StreamPath } from '../core/stream-path.ts'
import type { DeadLetter, DeadLetterReason, HeldEvent, LedgerEntry, StoredEntry } from '../ports/records.ts'
import type { Paged, StoredStream, StoreReader } from '../ports/store-reader.ts'

const pageSize = 500

/** Which records to read: of one stream, of one domain, or all of the consumer's. */
export interface RecordFilter {
  readonly stream?: StreamPath
  readonly domain?: string
}

/** Which dead letters to read. */
export interface DeadLetterFilter extends RecordFilter {
  readonly reason?: DeadLetterReason
}

/** Which streams to read. */
export interface StreamFilter {
  readonly domain?: string
  readonly onlyWaiting?: boolean
}

/** One consumer of a store. */
export interface ConsumerView {
  readonly reader: StoreReader
  readonly consumer: string
}

/** Streams, ascending by path. */
export function eachStream(
  { reader, consumer }: ConsumerView,
  filter: StreamFilter = {},
): AsyncGenerator<StoredStream> {
  return eachOf(
    (place) => reader.streams(consumer, { ...filter, ...place }),
    ({ stream }) => stream,
  )
}

/** Held events, ascending by stream, epoch and sequence. */
export function eachHeld(
  { reader, consumer }: ConsumerView,
  filter: RecordFilter = {},
): AsyncGenerator<Paged<HeldEvent>> {
  return eachOf((place) => reader.held(consumer, { ...filter, ...place }), cursorOf)
}

/** Dead letters, in the order in which they were kept. */
export function eachDeadLetter(
  { reader, consumer }: ConsumerView,
  filter: DeadLetterFilter = {},
): AsyncGenerator<Paged<DeadLetter>> {
  return eachOf((place) => reader.deadLetters(consumer, { ...filter, ...place }), cursorOf)
}

/** Ledger entries, in the order in which they were written. */
export function eachLedgerEntry(
  { reader, consumer }: ConsumerView,
  filter: RecordFilter = {},
): AsyncGenerator<Paged<LedgerEntry>> {
  return eachOf((place) => reader.ledger(consumer, { ...filter, ...place }), cursorOf)
}

/** What the inboxes have, in the order in which it arrived. */
export function eachInboxEntry(
  { reader, consumer }: ConsumerView,
  filter: RecordFilter = {},
): AsyncGenerator<Paged<StoredEntry>> {
  return eachOf((place) => reader.inbox(consumer, { ...filter, ...place }), cursorOf)
}

async function* eachOf<Item>(
  page: (place: { readonly limit: number; readonly after?: string }) => Promise<readonly Item[]>,
  cursor: (item: Item) => string,
): AsyncGenerator<Item> {
  let after: string | undefined
  for (;;) {
    const items = await page({ limit: pageSize, ...(after !== undefined && { after }) })
    yield* items
    const last = items.at(-1)
    if (last === undefined || items.length < pageSize) return
    after = cursor(last)
  }
}

function cursorOf({ cursor }: { readonly cursor: string }): string {
  return cursor
}
