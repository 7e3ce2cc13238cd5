// An event log as a source for a worker: read in the order of places, with a checkpoint of its own for each
// consumer. What retention removed in front of the checkpoint is said, never skipped in silence. Upholds I4.
import { BelowRetention } from '../core/append-errors.ts'
import { checkNames, checkTextLists, givenText } from '../core/check-names.ts'
import { InturnError } from '../core/errors.ts'
import type { LoggedEvent } from '../core/logged-event.ts'
import { SettledPrefix } from '../core/settled-prefix.ts'
import { checkCounts } from '../core/whole-number.ts'
import type { EventLog, LogFilter, LogPage } from '../ports/event-log.ts'
import type { Checkpoint, Delivery, ReadRequest, Source } from '../ports/source.ts'
import { systemTimers } from '../ports/timers.ts'
import type { Timers } from '../ports/timers.ts'
import { hasKnownEvent } from './known-event.ts'
import type { KnownEvent } from './known-event.ts'

/** Options of {@link logSource}. */
export interface LogSourceOptions extends LogFilter {
  /**
   * Where a consumer begins that has read nothing yet, and one whose next event was removed. `first`
   * (default): at the beginning; it is an error where that was removed. `kept`: at the first event that is
   * still there; what was removed is then a gap in each stream, which its rules decide about, or begins at
   * the domain's `baseline`.
   */
  readonly start?: 'first' | 'kept'
  /** How often the log is looked at when nothing came, in milliseconds. Default 100. */
  readonly pollMs?: number
  /** How often the checkpoint is saved at most, in milliseconds. Default 1,000; it is saved at close too. */
  readonly checkpointMs?: number
  readonly timers?: Timers
}

/** Every option; the type sees to it that none is missing here. */
const optionNames: Readonly<Record<keyof LogSourceOptions, true>> = {
  domains: true,
  types: true,
  start: true,
  pollMs: true,
  checkpointMs: true,
  timers: true,
}

/** An event of the log on its way to a handler. */
export interface LogDelivery extends Delivery {
  readonly message: LoggedEvent
  /** Settles it. */
  readonly ticket: number
}

/**
 * The events of a log as a source. Opens the log with it, and leaves it open.
 *
 * @throws InturnError `config-invalid` when an option is unknown or out of its range
 * @example
 * const source = logSource(sqliteEventLog('bank.db'), { domains: ['account'] })
 */
export function logSource(log: EventLog, options: LogSourceOptions = {}): Source<LogDelivery> {
  checkNames(options, 'logSource', Object.keys(optionNames))
  const { start = 'first', pollMs = 100, checkpointMs = 1_000, timers = systemTimers } = options
  checkCounts('logSource', { pollMs, checkpointMs })
  if (start !== 'first' && start !== 'kept') {
    throw new InturnError('config-invalid', `logSource: start takes first or kept, not ${givenText(start)}`)
  }
  const { domains, types } = options
  checkTextLists('logSource', { domains, types })
  const filter = { ...(domains !== undefined && { domains }), ...(types !== undefined && { types }) }
  return new LogSource(log, { filter, start, pollMs, checkpointMs, timers })
}

interface LogSourceParts extends Required<Omit<LogSourceOptions, keyof LogFilter>> {
  readonly filter: LogFilter
}

class LogSource implements Source<LogDelivery> {
  readonly kind = 'log'
  readonly name: string
  readonly #log: EventLog
  readonly #parts: LogSourceParts
  #checkpoint: Checkpoint | undefined
  /** Everything up to this place was looked at. */
  #at: number | 'kept' = 0
  #prefix = new SettledPrefix<LoggedEvent>()
  /** The event of the note that was found. */
  #known: KnownEvent | undefined
  /** How far everything was done when it was last said. */
  #savedThrough = 0
  #savedAtMs = -Infinity
  #saving = false

  constructor(log: EventLog, parts: LogSourceParts) {
    this.name = `log ${log.name}${filterName(parts.filter)}`
    this.#log = log
    this.#parts = parts
  }

  async open(checkpoint: Checkpoint): Promise<void> {
    await this.#log.open()
    const bookmark = await this.#ofThisLog(readBookmark(await checkpoint.load()))
    const at = bookmark?.through ?? 0
    const { first } = await this.#log.bounds()
    if (at < first - 1 && this.#parts.start === 'first') {
      throw new BelowRetention(this.#log.name, { asked: at + 1, first })
    }
    this.#checkpoint = checkpoint
    this.#at = at < first - 1 ? 'kept' : at
    this.#prefix = new SettledPrefix()
    this.#known = bookmark
    this.#savedThrough = at
  }

  async read({ max, waitMs, signal }: ReadRequest): Promise<readonly LogDelivery[]> {
    const { timers, pollMs } = this.#parts
    const untilMs = timers.elapsedMs() + waitMs
    while (!signal.aborted) {
      const { events, through, isEnd } = await this.#page(max)
      this.#at = through
      if (events.length > 0) return events.map((event) => this.#delivery(event))
      await this.#saveWhenDue()
      const leftMs = untilMs - timers.elapsedMs()
      if (leftMs <= 0) break
      if (isEnd) await timers.sleep(Math.min(leftMs, pollMs), signal)
    }
    return []
  }

  async settle(deliveries: readonly LogDelivery[]): Promise<void> {
    for (const { ticket } of deliveries) this.#prefix.settle(ticket)
    await this.#saveWhenDue()
  }

  release(): Promise<void> {
    return Promise.resolve()
  }

  async isCaughtUp(): Promise<boolean> {
    for (;;) {
      const { events, through, isEnd } = await this.#page(1)
      if (events.length > 0) return false
      this.#at = through
      if (isEnd) return true
    }
  }

  async close(): Promise<void> {
    if (this.#checkpoint !== undefined) await this.#save()
    this.#checkpoint = undefined
  }

  async #page(limit: number): Promise<LogPage> {
    const { filter, start } = this.#parts
    try {
      return await this.#log.page({ ...filter, after: this.#at, limit })
    } catch (error) {
      if (!(error instanceof BelowRetention) || start === 'first') throw error
      return this.#log.page({ ...filter, after: 'kept', limit })
    }
  }

  /** The bookmark, unless it is of another log, or of one that was cut. */
  async #ofThisLog(bookmark: Bookmark | undefined): Promise<Bookmark | undefined> {
    if (bookmark === undefined) return undefined
    const { last } = await this.#log.bounds()
    const isIts = bookmark.through <= last && (await hasKnownEvent(this.#log, bookmark))
    return isIts ? bookmark : undefined
  }

  #delivery(message: LoggedEvent): LogDelivery {
    return { message, ticket: this.#prefix.add(message), origin: `${this.#log.name}@${message.place}` }
  }

  /**
   * Also while nothing comes: what does not fit the filter moves the note on too, so that retention does not
   * overtake it.
   */
  async #saveWhenDue(): Promise<void> {
    const elapsedMs = this.#parts.timers.elapsedMs()
    if (this.#saving || elapsedMs - this.#savedAtMs < this.#parts.checkpointMs) return
    // A note that cannot be kept now is kept the next time: until then more events come again.
    await this.#save().catch(() => undefined)
  }

  async #save(): Promise<void> {
    const { end = this.#known, pending } = this.#prefix
    if (end === undefined) return
    const { place, id } = end
    const through = pending === 0 && this.#at !== 'kept' ? this.#at : place
    if (through <= this.#savedThrough) return
    this.#saving = true
    try {
      await this.#checkpoint?.save(JSON.stringify({ place, id, through }))
      this.#savedThrough = through
      this.#savedAtMs = this.#parts.timers.elapsedMs()
    } finally {
      this.#saving = false
    }
  }
}

/** Part of the name: with another filter another checkpoint counts, so that nothing is taken as read. */
function filterName({ domains, types }: LogFilter): string {
  const names = [domains, types].map((list) => (list === undefined ? '*' : [...list].sort().join(',')))
  return domains === undefined && types === undefined ? '' : ` (${names.join(' ')})`
}

/** The last event that everything was done up to, and how far there was nothing else behind it. */
interface Bookmark extends KnownEvent {
  readonly through: number
}

/** The bookmark in a checkpoint; `undefined` where there is none that can be read. */
function readBookmark(note: string | undefined): Bookmark | undefined {
  if (note === undefined) return undefined
  try {
    const fields: unknown = JSON.parse(note)
    return isBookmark(fields) ? fields : undefined
  } catch {
    return undefined
  }
}

function isBookmark(fields: unknown): fields is Bookmark {
  if (typeof fields !== 'object' || fields === null) return false
  const isPlace = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) > 0
  return (
    'place' in fields &&
    isPlace(fields.place) &&
    'through' in fields &&
    isPlace(fields.through) &&
    'id' in fields &&
    typeof fields.id === 'string'
  )
}
