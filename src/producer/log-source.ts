// An event log as a source for workers: read in the order of places, each consumer from a place of its own.
// With shards, workers of one consumer read each a part of the streams. What retention removed in front of a
// place is said, never skipped in silence. Upholds I4.
import { BelowRetention } from '../core/append-errors.ts'
import { checkNames, checkTextLists, givenText } from '../core/check-names.ts'
import type { Duration } from '../core/duration.ts'
import { durationMs } from '../core/duration.ts'
import { InturnError } from '../core/errors.ts'
import type { LoggedEvent } from '../core/logged-event.ts'
import { SettledPrefix } from '../core/settled-prefix.ts'
import { checkCounts, wholeNumber } from '../core/whole-number.ts'
import type { EventLog, LogFilter, LogPage } from '../ports/event-log.ts'
import type { Checkpoint, Delivery, ReadRequest, Source } from '../ports/source.ts'
import { systemTimers } from '../ports/timers.ts'
import type { Timers } from '../ports/timers.ts'
import type { LogPlace } from './log-places.ts'
import { LogPlaces, shardOf } from './log-places.ts'
import { ShardGroup } from './shard-group.ts'
import type { ShardLease } from './shard-lease.ts'

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
  /**
   * Parts into which the streams are divided for workers of one consumer, 1 to 64: each is read by one of
   * them at a time, and what one had goes to the others when it ends or dies. No more workers than shards
   * have something to read. Default 1: every worker reads the whole log, and what others have done is a
   * duplicate to it.
   */
  readonly shards?: number
  /** How long others wait for the shards of a worker that has fallen silent; from 30 ms. Default 10 s. */
  readonly lease?: Duration
  readonly timers?: Timers
}

/** Every option; the type sees to it that none is missing here. */
const optionNames: Readonly<Record<keyof LogSourceOptions, true>> = {
  domains: true,
  types: true,
  start: true,
  pollMs: true,
  checkpointMs: true,
  shards: true,
  lease: true,
  timers: true,
}

/** An event of the log on its way to a handler. */
export interface LogDelivery extends Delivery {
  readonly message: LoggedEvent
  /** Where it is settled, by its ticket. */
  readonly shard: SettledPrefix<LoggedEvent>
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
  const shards = wholeNumber(options.shards ?? 1, { name: 'logSource: shards', least: 1, most: shardsMax })
  const leaseMs = durationMs(options.lease ?? '10s', 'logSource: lease')
  if (leaseMs < leaseMsMin) {
    const given = givenText(options.lease)
    throw new InturnError('config-invalid', `logSource: lease takes at least ${leaseMsMin} ms, not ${given}`)
  }
  if (start !== 'first' && start !== 'kept') {
    throw new InturnError('config-invalid', `logSource: start takes first or kept, not ${givenText(start)}`)
  }
  const { domains, types } = options
  checkTextLists('logSource', { domains, types })
  const filter = { ...(domains !== undefined && { domains }), ...(types !== undefined && { types }) }
  return new LogSource(log, { filter, start, pollMs, checkpointMs, shards, leaseMs, timers })
}

interface LogSourceParts extends Required<Omit<LogSourceOptions, keyof LogFilter | 'lease'>> {
  readonly filter: LogFilter
  readonly leaseMs: number
}

const shardsMax = 64
const leaseMsMin = 30
/** How often the readers of a consumer look for each other at most, in milliseconds. */
const tendMsMax = 1_000
/** Pages hold so many times the events that are wanted at most, where others read most of them. */
const pageFactorMax = 8
/** Events of a page that is only looked at. */
const pageMax = 500

/** A shard that this reader has. */
interface Share {
  readonly shard: number
  /** Absent: nobody else reads. */
  readonly lease: ShardLease | undefined
  readonly prefix: SettledPrefix<LoggedEvent>
  /** Its events up to this place were given out. */
  at: number
  /** The place that is kept of it. */
  kept: LogPlace
  /** It goes to another reader once what was given out of it is settled. */
  isLeaving: boolean
}

function isRead({ isLeaving, lease }: Share): boolean {
  return !isLeaving && lease?.signal.aborted !== true
}

class LogSource implements Source<LogDelivery> {
  readonly kind = 'log'
  readonly name: string
  readonly #log: EventLog
  readonly #parts: LogSourceParts
  #places: LogPlaces | undefined
  /** Those with whom it shares the shards; `undefined`: nobody. */
  #group: ShardGroup | undefined
  readonly #shares = new Map<number, Share>()
  #tending: { readonly end: AbortController; readonly ended: Promise<void> } | undefined
  /** What the next read fails with. */
  #failure: { readonly error: unknown } | undefined
  #savedAtMs = -Infinity
  #saving = false

  constructor(log: EventLog, parts: LogSourceParts) {
    this.name = `log ${log.name}${filterName(parts.filter)}`
    this.#log = log
    this.#parts = parts
  }

  async open(checkpoint: Checkpoint): Promise<void> {
    const { shards, leaseMs, timers } = this.#parts
    const log = this.#log
    this.#failure = undefined
    await log.open()
    const notes = {
      read: (note: string) => checkpoint.load(note),
      write: (note: string, text: string) => checkpoint.save(text, note),
    }
    this.#places = new LogPlaces({ log, shards, start: 'first', owner: this.name, notes })
    const lease = checkpoint.lease?.bind(checkpoint)
    const isShared = shards > 1 && lease !== undefined
    this.#group = isShared ? new ShardGroup({ lease, leaseMs, timers }, shards) : undefined
    try {
      if (isShared) await this.#tend()
      else for (let shard = 1; shard <= shards; shard++) await this.#begin(shard)
    } catch (error) {
      await this.#leaveAll()
      throw error
    }
    if (isShared) this.#keepTending()
  }

  async read({ max, waitMs, signal }: ReadRequest): Promise<readonly LogDelivery[]> {
    const { timers, pollMs } = this.#parts
    const untilMs = timers.elapsedMs() + waitMs
    while (!signal.aborted) {
      this.#tellFailure()
      const { deliveries, isEnd } = await this.#next(max)
      if (deliveries.length > 0) return deliveries
      await this.#saveWhenDue()
      const leftMs = untilMs - timers.elapsedMs()
      if (leftMs <= 0) break
      if (isEnd) await timers.sleep(Math.min(leftMs, pollMs), signal)
    }
    return []
  }

  async settle(deliveries: readonly LogDelivery[]): Promise<void> {
    for (const { shard, ticket } of deliveries) shard.settle(ticket)
    await this.#saveWhenDue()
  }

  release(): Promise<void> {
    return Promise.resolve()
  }

  /** Whether everything was read; what others read of it counts once it is settled. */
  async isCaughtUp(): Promise<boolean> {
    const read = new Map<number, number>()
    for (let shard = 1; shard <= this.#parts.shards; shard++) {
      const share = this.#shares.get(shard)
      const isOwn = share !== undefined && isRead(share)
      read.set(shard, isOwn ? share.at : ((await this.#places?.find(shard))?.through ?? 0))
    }
    for (let at = Math.min(...read.values()); ;) {
      const { events, through, isEnd } = await this.#page(at, this.#parts.shards === 1 ? 1 : pageMax)
      if (events.some((event) => event.place > (read.get(this.#shardOf(event)) ?? 0))) return false
      if (isEnd) return true
      at = through
    }
  }

  async close(): Promise<void> {
    this.#tending?.end.abort()
    await this.#tending?.ended
    this.#tending = undefined
    try {
      for (const share of this.#shares.values()) await this.#save(share)
    } finally {
      await this.#leaveAll()
    }
  }

  /** The next events of its shares, from the lowest place that one of them has reached. */
  async #next(
    max: number,
  ): Promise<{ readonly deliveries: readonly LogDelivery[]; readonly isEnd: boolean }> {
    const shares = this.#shares.values().filter(isRead).toArray()
    if (shares.length === 0) return { deliveries: [], isEnd: true }
    const factor = Math.min(pageFactorMax, this.#parts.shards / shares.length)
    const page = await this.#page(Math.min(...shares.map(({ at }) => at)), Math.ceil(max * factor))
    // Meanwhile one may have been lost, or begun to leave; one that has come is read from its own place.
    const read = new Map(shares.filter(isRead).map((share) => [share.shard, share]))
    const deliveries: LogDelivery[] = []
    let { through, isEnd } = page
    for (const event of page.events) {
      const share = read.get(this.#shardOf(event))
      if (share === undefined || event.place <= share.at) continue
      if (deliveries.length === max) {
        through = event.place - 1
        isEnd = false
        break
      }
      const { prefix } = share
      const origin = `${this.#log.name}@${event.place}`
      deliveries.push({ message: event, shard: prefix, ticket: prefix.add(event), origin })
    }
    for (const share of read.values()) share.at = Math.max(share.at, through)
    return { deliveries, isEnd }
  }

  #shardOf(event: LoggedEvent): number {
    return shardOf(event, this.#parts.shards)
  }

  async #page(after: number, limit: number): Promise<LogPage> {
    const { filter, start } = this.#parts
    try {
      return await this.#log.page({ ...filter, after, limit })
    } catch (error) {
      if (!(error instanceof BelowRetention)) throw error
      // While this one stood still others may have read on, and retention have followed them.
      if (start === 'first' && !(await this.#isDoneBelow(error.first))) throw error
      return this.#log.page({ ...filter, after: 'kept', limit })
    }
  }

  /** Whether everything below a place is done, by this reader or others: the kept places say so. */
  async #isDoneBelow(first: number): Promise<boolean> {
    for (const { shard, at } of this.#shares.values()) {
      const through = (await this.#places?.find(shard))?.through ?? 0
      if (Math.max(at, through) < first - 1) return false
    }
    return true
  }

  /** Begins to read a shard where its place is. */
  async #begin(shard: number, lease?: ShardLease): Promise<void> {
    const kept = (await this.#places?.begin(shard)) ?? { through: 0 }
    const { first } = await this.#log.bounds()
    if (kept.through < first - 1 && this.#parts.start === 'first') {
      throw new BelowRetention(this.#log.name, { asked: kept.through + 1, first })
    }
    const at = Math.max(kept.through, first - 1)
    this.#shares.set(shard, { shard, lease, kept, at, prefix: new SettledPrefix(), isLeaving: false })
  }

  /** Also while this reader is too busy to read: others wait for what it has too much of. */
  #keepTending(): void {
    const { timers, leaseMs } = this.#parts
    const end = new AbortController()
    const tend = async (): Promise<void> => {
      for (;;) {
        await timers.sleep(Math.min(tendMsMax, leaseMs / 5), end.signal)
        if (end.signal.aborted) return
        try {
          await this.#tend()
        } catch (error) {
          this.#failure = { error }
        }
      }
    }
    this.#tending = { end, ended: tend() }
  }

  /** Has as many shards as is fair: gives up the last ones, or takes what nobody has. */
  async #tend(): Promise<void> {
    const group = this.#group
    if (group === undefined) return
    for (const [shard, { lease }] of this.#shares)
      if (lease?.signal.aborted === true) this.#shares.delete(shard)
    const { count, first } = await group.fairPart()
    const shares = [...this.#shares.values()].sort((a, b) => Number(a.isLeaving) - Number(b.isLeaving))
    for (const [index, share] of shares.entries()) share.isLeaving = index >= count
    const { shards } = this.#parts
    for (let step = 0; step < shards && this.#shares.size < count; step++) {
      const shard = ((first - 1 + step) % shards) + 1
      const lease = this.#shares.has(shard) ? undefined : await group.take(shard)
      if (lease === undefined) continue
      try {
        await this.#begin(shard, lease)
      } catch (error) {
        await lease.end()
        throw error
      }
    }
    for (const share of shares) {
      if (!share.isLeaving || share.prefix.pending > 0) continue
      await this.#save(share)
      this.#shares.delete(share.shard)
      await share.lease?.end()
    }
  }

  #tellFailure(): void {
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure.error
  }

  /**
   * Also while nothing comes: what does not fit the filter moves the places on too, so that retention does
   * not overtake them.
   */
  async #saveWhenDue(): Promise<void> {
    const elapsedMs = this.#parts.timers.elapsedMs()
    if (this.#saving || elapsedMs - this.#savedAtMs < this.#parts.checkpointMs) return
    this.#saving = true
    try {
      for (const share of this.#shares.values()) await this.#save(share)
      this.#savedAtMs = this.#parts.timers.elapsedMs()
    } catch {
      // A place that cannot be kept now is kept the next time: until then more events come again.
    } finally {
      this.#saving = false
    }
  }

  async #save(share: Share): Promise<void> {
    const { shard, prefix, kept, at, lease } = share
    const event = prefix.end ?? kept.event
    // Without an event the log could not be known again, and with the lease it is another reader's to say.
    if (event === undefined || lease?.signal.aborted === true) return
    const through = prefix.pending === 0 ? at : event.place
    if (through <= kept.through) return
    const place = { through, event: { place: event.place, id: event.id } }
    await this.#places?.save(shard, place)
    share.kept = place
  }

  async #leaveAll(): Promise<void> {
    const shares = [...this.#shares.values()]
    this.#shares.clear()
    for (const { lease } of shares) await lease?.end()
    await this.#group?.end()
  }
}

/** Part of the name: with another filter another checkpoint counts, so that nothing is taken as read. */
function filterName({ domains, types }: LogFilter): string {
  const names = [domains, types].map((list) => (list === undefined ? '*' : [...list].sort().join(',')))
  return domains === undefined && types === undefined ? '' : ` (${names.join(' ')})`
}
