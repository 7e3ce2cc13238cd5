// The event log in memory: everything happens at once between two awaits, so nothing here needs a lock.
import type { LogStream } from '../../core/append-errors.ts'
import { InturnError } from '../../core/errors.ts'
import type { Appended, LoggedEvent, StreamAppend } from '../../core/logged-event.ts'
import { planAppend } from '../../core/plan-append.ts'
import type { PlacedEvent, PreparedAppend, StreamKnown } from '../../core/plan-append.ts'
import type {
  AppendLimits,
  EventLog,
  LogBounds,
  LogPage,
  LogRead,
  LogSubscription,
  LogTrim,
  LogTrimmed,
  StreamRead,
} from '../../ports/event-log.ts'
import type { Timers } from '../../ports/timers.ts'
import { appendedEvent, loggedEvent } from '../../storage/logged-text.ts'
import { AppendOrder, prepareAppends } from '../../storage/prepare-append.ts'
import type { StreamPiece } from '../../storage/read-log.ts'
import {
  followPages,
  pageOf,
  pageStart,
  readPages,
  readStream,
  rowsWanted,
  trimLog,
} from '../../storage/read-log.ts'

/** How an event log in memory is used. */
export interface MemoryEventLogOptions extends AppendLimits {
  /** Milliseconds since 1970. Default: the machine's clock. */
  readonly now?: () => number
  /** How often a subscription looks when nothing came, in milliseconds. Default 100. */
  readonly pollMs?: number
  /** What a subscription waits by. Default: the machine's timers. */
  readonly timers?: Timers
}

interface MemoryStream extends LogStream {
  head: number
  /** Ascending; from the first that is still there. */
  events: PlacedEvent[]
  readonly byId: Map<string, PlacedEvent>
}

/** The event log itself; made by `memoryEventLog`. */
export class MemoryEventLog implements EventLog {
  readonly name = 'memory'
  readonly durable = false
  readonly #options: Required<Omit<MemoryEventLogOptions, keyof AppendLimits>> & AppendLimits
  readonly #streams = new Map<string, MemoryStream>()
  readonly #places: { readonly stream: MemoryStream; readonly kept: PlacedEvent }[] = []
  readonly #order = new AppendOrder()
  #last = 0
  #isClosed = false

  constructor(options: Required<Omit<MemoryEventLogOptions, keyof AppendLimits>> & AppendLimits) {
    this.#options = options
  }

  open(): Promise<void> {
    this.#isClosed = false
    return Promise.resolve()
  }

  close(): Promise<void> {
    this.#isClosed = true
    return Promise.resolve()
  }

  async append(append: StreamAppend): Promise<Appended> {
    const [appended] = await this.appendAll([append])
    if (appended === undefined) throw new InturnError('invariant-violated', 'an append came to nothing')
    return appended
  }

  async appendAll(appends: readonly StreamAppend[]): Promise<readonly Appended[]> {
    this.#checkOpen()
    return this.#order.run(prepareAppends(appends, this.#options), async (prepared) => ({
      written: this.#appendPrepared(prepared),
    }))
  }

  read(read: StreamRead): AsyncIterable<LoggedEvent> {
    const pages = { bounds: () => this.bounds(read), piece: (piece: StreamPiece) => this.#piece(piece) }
    return readStream(pages, read)
  }

  readAll(read: LogRead = {}): AsyncIterable<LoggedEvent> {
    return readPages((request) => this.page(request), read)
  }

  subscribe(subscription: LogSubscription = {}): AsyncIterable<LoggedEvent> {
    const { timers, pollMs } = this.#options
    return followPages({ page: (request) => this.page(request), timers, pollMs }, subscription)
  }

  async page(request: LogRead & { readonly limit: number }): Promise<LogPage> {
    this.#checkOpen()
    const { limit, after = 0, ...filter } = request
    const first = this.#first()
    const start = pageStart(this.name, after, { first, last: this.#last })
    const from = Math.max(0, start + 1 - first)
    const rows = this.#places.slice(from, from + rowsWanted(limit, filter))
    const events = rows.map(({ stream, kept }) => loggedEvent(stream, kept))
    return pageOf(events, { after: start, limit, filter })
  }

  async bounds(stream?: LogStream): Promise<LogBounds> {
    this.#checkOpen()
    if (stream === undefined) return { first: this.#first(), last: this.#last }
    const known = this.#streams.get(keyOf(stream))
    if (known === undefined) return { first: 1, last: 0 }
    return { first: known.events[0]?.sequence ?? known.head + 1, last: known.head }
  }

  async trim(trim: LogTrim): Promise<LogTrimmed> {
    this.#checkOpen()
    return trimLog({ log: this, remove: (through) => this.#remove(through) }, trim)
  }

  async #piece({ backwards, from, to, limit, ...stream }: StreamPiece): Promise<readonly LoggedEvent[]> {
    this.#checkOpen()
    const { events = [] } = this.#streams.get(keyOf(stream)) ?? {}
    const first = events[0]?.sequence ?? 1
    const [begin, end] = [Math.max(0, from - first), Math.max(0, to + 1 - first)]
    const kept = backwards
      ? events.slice(Math.max(begin, end - limit), end).reverse()
      : events.slice(begin, Math.min(end, begin + limit))
    return kept.map((event) => loggedEvent(stream, event))
  }

  async #appendPrepared(prepared: readonly PreparedAppend[]): Promise<readonly Appended[]> {
    this.#checkOpen()
    const fresh = new Map<string, MemoryStream>()
    const streams = prepared.map((append) => this.#streamOf(append, fresh))
    const plan = planAppend(prepared, streams.map(knownOf))
    const now = this.#options.now()
    return prepared.map((append, index) => {
      const own = streams[index] ?? this.#streamOf(append, fresh)
      const duplicate = plan.kind === 'duplicate'
      const kept = duplicate ? (plan.events[index] ?? []) : this.#keep(own, append, now)
      const { domain, stream } = append
      const events = kept.map((event) => appendedEvent({ domain, stream }, event))
      return { domain, stream, duplicate, events, position: own.head }
    })
  }

  #keep(stream: MemoryStream, { events }: PreparedAppend, now: number): readonly PlacedEvent[] {
    if (events.length > 0) this.#streams.set(keyOf(stream), stream)
    return events.map((event) => {
      const time = event.time ?? new Date(now).toISOString()
      const place = ++this.#last
      const kept: PlacedEvent = { ...event, time, sequence: ++stream.head, place, appendedAt: now }
      stream.events.push(kept)
      stream.byId.set(kept.id, kept)
      this.#places.push({ stream, kept })
      return kept
    })
  }

  async #remove(through: number): Promise<number> {
    const end = this.#places.findIndex(({ kept }) => kept.place > through)
    const removed = this.#places.splice(0, end === -1 ? this.#places.length : end)
    for (const { stream, kept } of removed) stream.byId.delete(kept.id)
    for (const stream of new Set(removed.map((row) => row.stream))) {
      stream.events = stream.events.filter(({ place }) => place > through)
    }
    return removed.length
  }

  /** A stream; one that is new becomes the log's own only when something is kept in it. */
  #streamOf({ domain, stream }: LogStream, fresh: Map<string, MemoryStream>): MemoryStream {
    const key = keyOf({ domain, stream })
    const known = this.#streams.get(key) ?? fresh.get(key)
    if (known !== undefined) return known
    const made: MemoryStream = { domain, stream, head: 0, events: [], byId: new Map() }
    fresh.set(key, made)
    return made
  }

  #first(): number {
    return this.#places[0]?.kept.place ?? this.#last + 1
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new InturnError('store-closed', 'the event log is closed')
  }
}

function keyOf({ domain, stream }: LogStream): string {
  return JSON.stringify([domain, stream])
}

function knownOf({ head, byId }: MemoryStream): StreamKnown {
  return { head, byId }
}
