// The rules of appending, for every event log alike: which number each event gets, or that it has one
// already, or why nothing may be appended. Upholds I3 and I9: a retry finds its events, and never gets them
// a second number.
import { AppendConflict } from './append-errors.ts'
import type { Expected, LogStream } from './append-errors.ts'
import { InturnError } from './errors.ts'
import { parseExactly } from './exact-number.ts'
import { canonicalJson } from './fingerprint.ts'

/** An event as the log keeps it: `data` is its JSON. */
export interface PreparedEvent {
  readonly id: string
  readonly type: string
  readonly time: string | undefined
  readonly attributes: string | undefined
  readonly data: string
}

/** Events for one stream, checked and as the log keeps them. */
export interface PreparedAppend extends LogStream {
  readonly events: readonly PreparedEvent[]
  readonly expected: Expected
}

/** An event that is in the log. */
export interface KeptEvent extends PreparedEvent {
  readonly time: string
  readonly sequence: number
  /** Absent where places are given after the commit. */
  readonly place?: number
  readonly appendedAt: number
}

/** An event that has its place in the log. */
export interface PlacedEvent extends KeptEvent {
  readonly place: number
}

/** What the log knows of one append's stream, in the transaction in which it is planned. */
export interface StreamKnown {
  /** The last number that was given; 0: none. */
  readonly head: number
  /** The events of the stream that bear one of the append's ids. */
  readonly byId: ReadonlyMap<string, KeptEvent>
}

/** What to do. */
export type AppendPlan =
  /** Nothing: every event is there. One list for each append, in its order. */
  | { readonly kind: 'duplicate'; readonly events: readonly (readonly KeptEvent[])[] }
  /** Append all; `firsts` has the number of the first event of each append. */
  | { readonly kind: 'append'; readonly firsts: readonly number[] }

/**
 * Plans a batch.
 *
 * @param known - for each append, what is known of its stream; the same head for appends of one stream
 * @throws InturnError `id-conflict` for an id with other content, `append-partly-known` when only some of the
 * events are there, {@link AppendConflict}, `event-invalid` when a stream's numbers are used up
 */
export function planAppend(appends: readonly PreparedAppend[], known: readonly StreamKnown[]): AppendPlan {
  const kept = appends.map(({ events }, index) =>
    events.map(({ id }) => known[index]?.byId.get(id)).filter((event) => event !== undefined),
  )
  const keptCount = kept.reduce((sum, events) => sum + events.length, 0)
  const allCount = appends.reduce((sum, { events }) => sum + events.length, 0)
  if (keptCount > 0) for (const [index, append] of appends.entries()) checkSame(append, kept[index] ?? [])
  if (keptCount === 0) return { kind: 'append', firsts: numberAll(appends, known) }
  if (keptCount === allCount) return { kind: 'duplicate', events: kept }
  const message = `${keptCount} of ${allCount} events are in the log already: append the others by themselves`
  throw new InturnError('append-partly-known', message)
}

/** Whether an event has the content of the one that is in the log under its id; its time does not count. */
function isSame(event: PreparedEvent, kept: KeptEvent): boolean {
  if (event.type !== kept.type) return false
  return event.data === kept.data || canonical(event.data) === canonical(kept.data)
}

function canonical(json: string): string {
  return canonicalJson(parseExactly(json).value)
}

function checkSame({ domain, stream, events }: PreparedAppend, kept: readonly KeptEvent[]): void {
  const byId = new Map(kept.map((event) => [event.id, event]))
  for (const event of events) {
    const other = byId.get(event.id)
    if (other === undefined || isSame(event, other)) continue
    const place = `${domain}/${stream} has the id ${event.id} at ${other.sequence}`
    throw new InturnError('id-conflict', `${place} with another type or other data: it is another event`)
  }
}

function numberAll(appends: readonly PreparedAppend[], known: readonly StreamKnown[]): number[] {
  const heads = new Map<string, number>()
  return appends.map(({ domain, stream, events, expected }, index) => {
    const key = JSON.stringify([domain, stream])
    const head = heads.get(key) ?? known[index]?.head ?? 0
    const isThere = expected === 'any' || head === (expected === 'none' ? 0 : expected)
    if (!isThere) throw new AppendConflict({ domain, stream }, expected, head)
    if (head > Number.MAX_SAFE_INTEGER - events.length) {
      throw new InturnError('event-invalid', `${domain}/${stream} is at ${head}: its numbers are used up`)
    }
    heads.set(key, head + events.length)
    return head + 1
  })
}
