// Reading an event log as an iterable: page by page as it is consumed, so memory is one page, and nothing is
// read that nobody wants. Every event log gives pages; what is made of them stands here, once.
// Upholds I3: what retention removed meanwhile is noticed, since a stream's numbers have no holes.
import type { LogStream } from '../core/append-errors.ts'
import { BelowRetention } from '../core/append-errors.ts'
import { checkFlags } from '../core/check-names.ts'
import { InturnError } from '../core/errors.ts'
import type { LoggedEvent } from '../core/logged-event.ts'
import { typePattern } from '../core/type-pattern.ts'
import { wholeNumber } from '../core/whole-number.ts'
import type {
  EventLog,
  LogBounds,
  LogFilter,
  LogPage,
  LogRead,
  LogSubscription,
  LogTrim,
  LogTrimmed,
  StreamRead,
} from '../ports/event-log.ts'
import type { Timers } from '../ports/timers.ts'

/** How many events a page has. */
const pageMax = 200

/** A piece of one stream: the numbers `from..to` that are there, at most `limit`. */
export interface StreamPiece extends LogStream {
  readonly from: number
  readonly to: number
  readonly limit: number
  readonly backwards: boolean
}

/** What an event log gives of a stream. */
export interface StreamPages {
  readonly bounds: () => Promise<LogBounds>
  readonly piece: (piece: StreamPiece) => Promise<readonly LoggedEvent[]>
}

/**
 * One stream.
 *
 * @throws BelowRetention as soon as a number is wanted that was removed; what is wanted of `kept` is what is
 * there when it is read, so only a hole between two events that were read is one
 */
export async function* readStream(pages: StreamPages, read: StreamRead): AsyncGenerator<LoggedEvent, void> {
  const { domain, stream, backwards = false } = read
  const range = rangeOf(read, await pages.bounds())
  const { to } = range
  let { from } = range
  let left = read.limit ?? Infinity
  let next = backwards ? to : from
  while (left > 0 && next >= from && next <= to) {
    const limit = Math.min(left, pageMax)
    const range = backwards ? { from, to: next } : { from: next, to }
    const events = await pages.piece({ domain, stream, ...range, limit, backwards })
    for (const event of events) {
      if (event.sequence !== next) break
      yield event
      next += backwards ? -1 : 1
      left--
    }
    if (events.length > 0 && events.at(-1)?.sequence === next - (backwards ? -1 : 1)) continue
    const { first: goOn } = await pages.bounds()
    if (!isOvertaken(read, { next, goOn, hasBegun: next !== from })) {
      throw new BelowRetention(`${domain}/${stream}`, { asked: next, first: goOn })
    }
    if (backwards) return
    next = from = goOn
  }
}

function rangeOf(read: StreamRead, { first, last }: LogBounds): { from: number; to: number } {
  for (const field of ['from', 'to', 'limit'] as const) checkNumber(field, read[field])
  checkFlags('read', { backwards: read.backwards })
  return {
    from: read.from === 'kept' ? first : (read.from ?? 1),
    to: Math.min(read.to ?? last, last),
  }
}

/** Whether nothing that was removed is wanted: only what is kept, and retention has moved its beginning. */
function isOvertaken(
  { from, backwards = false }: StreamRead,
  { next, goOn, hasBegun }: { readonly next: number; readonly goOn: number; readonly hasBegun: boolean },
): boolean {
  return from === 'kept' && goOn > next && (backwards || !hasBegun)
}

/** The whole log, up to the event that is the last one by then. */
export async function* readPages(
  page: EventLog['page'],
  { limit, after = 0, ...filter }: LogRead,
): AsyncGenerator<LoggedEvent, void> {
  checkNumber('limit', limit)
  let left = limit ?? Infinity
  let at = after
  while (left > 0) {
    const { events, through, isEnd } = await page({ ...filter, after: at, limit: Math.min(left, pageMax) })
    yield* events
    left -= events.length
    at = through
    if (isEnd) return
  }
}

/** How a log is followed. */
export interface Following {
  readonly page: EventLog['page']
  readonly timers: Timers
  /** How long it waits where nothing came. */
  readonly pollMs: number
  /** While nothing comes it waits twice as long each time, up to this. Default: always the same. */
  readonly pollMaxMs?: number
}

/** The whole log, and then what comes. */
export async function* followPages(
  { page, timers, pollMs, pollMaxMs = pollMs }: Following,
  { limit, after = 0, signal, ...filter }: LogSubscription,
): AsyncGenerator<LoggedEvent, void> {
  checkNumber('limit', limit)
  let left = limit ?? Infinity
  let at = after
  let pauseMs = pollMs
  while (left > 0 && !isAborted(signal)) {
    const { events, through, isEnd } = await page({ ...filter, after: at, limit: Math.min(left, pageMax) })
    for (const event of events) {
      if (isAborted(signal)) return
      yield event
    }
    left -= events.length
    if (through !== at) pauseMs = pollMs
    at = through
    if (!isEnd || left <= 0) continue
    await timers.sleep(pauseMs, signal)
    pauseMs = Math.min(pauseMs * 2, pollMaxMs)
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

/** What fits a filter. */
function fits({ domains, types }: LogFilter): (event: { domain: string; type: string }) => boolean {
  const names = domains === undefined ? undefined : new Set(domains)
  const patterns = types?.map(typePattern)
  return ({ domain, type }) =>
    (names === undefined || names.has(domain)) &&
    (patterns === undefined || patterns.some((fitsType) => fitsType(type)))
}

/** How many rows to look at for a page: enough that a filter which few events fit is not slow. */
export function rowsWanted(limit: number, { domains, types }: LogFilter): number {
  return domains === undefined && types === undefined ? limit : Math.max(limit, pageMax)
}

/** The page that rows come to: those that fit, and how far they reach. */
export function pageOf(
  rows: readonly LoggedEvent[],
  { after, limit, filter }: { readonly after: number; readonly limit: number; readonly filter: LogFilter },
): LogPage {
  const events = rows.filter(fits(filter))
  const last = events[limit - 1]
  if (last !== undefined && events.length > limit) {
    return { events: events.slice(0, limit), through: last.place, isEnd: false }
  }
  return { events, through: rows.at(-1)?.place ?? after, isEnd: rows.length < rowsWanted(limit, filter) }
}

/**
 * Where a page begins.
 *
 * @throws BelowRetention when what comes next was removed; `config-invalid` when it is no place
 */
export function pageStart(log: string, after: number | 'kept', { first }: LogBounds): number {
  if (after === 'kept') return first - 1
  if (!Number.isSafeInteger(after) || after < 0) {
    throw new InturnError('config-invalid', `after takes a place of the log from 0, or 'kept', not ${after}`)
  }
  if (after < first - 1) throw new BelowRetention(log, { asked: after + 1, first })
  return after
}

function checkNumber(name: string, value: number | 'kept' | undefined): void {
  if (value !== undefined && value !== 'kept') wholeNumber(value, { name, least: 1 })
}

/** A log that can be trimmed. */
export interface TrimParts {
  readonly log: Pick<EventLog, 'page' | 'bounds'>
  /** Removes everything up to and including a place; says how many events that was. */
  readonly remove: (through: number) => Promise<number>
}

/** Trims a log. @throws InturnError `config-invalid` when `before` is neither a place nor a date */
export async function trimLog({ log, remove }: TrimParts, trim: LogTrim): Promise<LogTrimmed> {
  const { archive, signal } = trim
  const isOld = ageOf(trim.before)
  let removed = 0
  for (;;) {
    if (signal?.aborted === true) break
    const { events, isEnd } = await log.page({ after: 'kept', limit: pageMax })
    const end = events.findIndex((event) => !isOld(event))
    const old = end === -1 ? events : events.slice(0, end)
    const last = old.at(-1)
    if (last === undefined) break
    await archive?.(old)
    removed += await remove(last.place)
    if (isEnd || old.length < events.length) break
  }
  return { removed, first: (await log.bounds()).first }
}

function ageOf(before: number | Date): (event: LoggedEvent) => boolean {
  const limit = Number(before)
  if (Number.isNaN(limit)) {
    throw new InturnError(
      'config-invalid',
      `trim: before takes a place of the log or a date, not ${String(before)}`,
    )
  }
  return before instanceof Date ? ({ appendedAt }) => appendedAt < limit : ({ place }) => place < limit
}
