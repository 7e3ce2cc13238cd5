// A Redis stream as a queue source: entries are read by one consumer of a group and stay pending until they
// are settled, so what a consumer leaves when it dies is claimed by another. Upholds I3, I4 and I7.
import { InturnError } from '../../core/errors.ts'
import { atOnce, errorText } from '../../core/thrown.ts'
import type { ReadRequest, Source, SourceExtent } from '../../ports/source.ts'
import { systemTimers } from '../../ports/timers.ts'
import type { Connection } from '../../redis/connection.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import { EntryReader } from './entry-reader.ts'
import { InHand } from './in-hand.ts'
import type { Losses } from './losses.ts'
import type { NewEntries } from './new-entries.ts'
import type { EntryDelivery, ReadEntry, RedisStreamEntry } from './stream-entry.ts'
import { pairsOf, placeOfEntry } from './stream-entry.ts'

/** What a source is made of. */
export interface StreamsSourceParts {
  readonly name: string
  readonly stream: string
  readonly domain: string | undefined
  readonly connection: Connection
  readonly group: ConsumerGroup
  readonly newEntries: NewEntries
  readonly losses: Losses
  readonly start: 'beginning' | 'new'
  readonly claimIdleMs: number
  readonly unsettledMax: number
  readonly trim: { readonly everyMs: number; readonly maxLen?: number } | undefined
  /** What the names of consumers begin with that may be forgotten; `undefined`: this one has its own name. */
  readonly givenNames: string | undefined
  readonly messageFrom: (entry: RedisStreamEntry) => unknown
}

/** A consumer that was not heard of for so long, with nothing pending, is forgotten; in milliseconds. */
const forgottenMs = 60 * 60 * 1_000
const claimEveryMsMax = 1_000

/** The source itself; made by `redisStreamsSource`. */
export class StreamsSource implements Source<EntryDelivery> {
  readonly kind = 'queue'
  readonly name: string
  readonly #parts: StreamsSourceParts
  readonly #claimEveryMs: number
  readonly #inHand: InHand
  readonly #reader: EntryReader
  #chores = new Chores()
  /** Released, and due again. */
  #again: EntryDelivery[] = []
  /** What is due again and what was not seen before take turns, so that neither keeps the other waiting. */
  #isAgainNext = false
  readonly #delays = new Set<() => void>()
  #wake = (): void => undefined

  constructor(parts: StreamsSourceParts) {
    const { group, losses, start, claimIdleMs } = parts
    this.name = parts.name
    this.#parts = parts
    this.#claimEveryMs = Math.max(1, Math.min(claimEveryMsMax, claimIdleMs / 3))
    this.#inHand = new InHand(parts.unsettledMax)
    this.#reader = new EntryReader({
      group,
      losses,
      inHand: this.#inHand,
      isFromBeginning: start === 'beginning',
      claimEveryMs: this.#claimEveryMs,
      deliveryOf: (entry, redelivered) => this.#deliveryOf(entry, redelivered),
    })
  }

  async open(): Promise<void> {
    const { connection, group, start, givenNames, claimIdleMs } = this.#parts
    await connection.open()
    try {
      this.#reader.begin(await group.create(start === 'beginning' ? '0' : '$'))
      if (givenNames !== undefined) {
        await group.forgetConsumers(givenNames, Math.max(forgottenMs, claimIdleMs * 10))
      }
    } catch (error) {
      connection.close()
      throw error
    }
    this.#startChores()
  }

  async read({ max, waitMs, signal }: ReadRequest): Promise<readonly EntryDelivery[]> {
    const untilMs = systemTimers.elapsedMs() + waitMs
    while (!signal.aborted) {
      const deliveries = await this.#next(max)
      if (deliveries.length > 0) return deliveries
      const leftMs = untilMs - systemTimers.elapsedMs()
      if (leftMs <= 0) break
      await this.#wait(leftMs, signal)
    }
    return []
  }

  async settle(deliveries: readonly EntryDelivery[]): Promise<void> {
    await this.#parts.group.acknowledge(deliveries.map(({ entryId }) => entryId))
    for (const { entryId } of deliveries) this.#inHand.remove(entryId)
  }

  /** They stay pending here until they are due; should this process die meanwhile, others claim them. */
  release(deliveries: readonly EntryDelivery[], delayMs: number): Promise<void> {
    const cancel = systemTimers.after(delayMs, () => {
      this.#delays.delete(cancel)
      this.#again.push(...deliveries)
      this.#wake()
    })
    this.#delays.add(cancel)
    return Promise.resolve()
  }

  async isCaughtUp(): Promise<boolean> {
    return this.#again.length === 0 && !(await this.#reader.hasMore())
  }

  async extent(): Promise<SourceExtent | undefined> {
    const { added, unread } = await this.#parts.group.progress()
    if (unread === undefined) return undefined
    return { done: Math.max(0, added - unread - this.#reader.waiting), total: added, unit: 'events' }
  }

  /** Leaves what is in hand to whoever comes next; where that fails, it is taken once it was idle. */
  async close(): Promise<void> {
    const { connection, group, newEntries, losses, givenNames } = this.#parts
    for (const cancel of this.#delays) cancel()
    this.#delays.clear()
    newEntries.close()
    await this.#chores.stop()
    if (connection.isOpen) {
      const gone = await group.handBack({ andForget: givenNames !== undefined }).catch(() => 0)
      if (gone > 0) losses.handedBackGone(gone)
    }
    connection.close()
    this.#again = []
    this.#chores = new Chores()
  }

  #startChores(): void {
    const { claimIdleMs, trim, group, losses } = this.#parts
    // Where the server cannot be reached, reading says so.
    const ignore = (): void => undefined
    const tell = (error: unknown): void => {
      const isTold = error instanceof InturnError && error.retryable
      if (!isTold) losses.tell(`the stream could not be trimmed: ${errorText(error)}`)
    }
    this.#chores.every(claimIdleMs / 3, () => this.#inHand.renew(group, losses), ignore)
    if (trim === undefined) return
    this.#chores.every(trim.everyMs, (signal) => group.trim(trim.maxLen ?? 0, signal), tell)
  }

  async #next(max: number): Promise<readonly EntryDelivery[]> {
    this.#isAgainNext = !this.#isAgainNext
    if (this.#isAgainNext && this.#again.length > 0) return this.#again.splice(0, max)
    const fetched = await this.#reader.fetch(max)
    return fetched.length > 0 ? fetched : this.#again.splice(0, max)
  }

  /** Until something may have come, something is due again, or it is time to look what others left. */
  async #wait(leftMs: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController()
    this.#wake = () => woken.abort()
    const waitMs = Math.min(leftMs, this.#claimEveryMs)
    const waits = [systemTimers.sleep(waitMs, AbortSignal.any([signal, woken.signal]))]
    if (this.#inHand.room > 0) waits.push(this.#parts.newEntries.wait(this.#reader.seen, waitMs))
    await Promise.race(waits)
    woken.abort()
  }

  #deliveryOf(entry: ReadEntry, redelivered: boolean): EntryDelivery {
    const { stream, domain } = this.#parts
    const named = domain === undefined ? {} : { domain }
    const origin = `${stream}@${entry.id}`
    const logPlace = placeOfEntry(stream, entry.id)
    const { id: entryId, bytes } = entry
    return { ...named, entryId, origin, logPlace, bytes, message: this.#messageOf(entry), redelivered }
  }

  /** A message that cannot be made becomes its fields as a list, which is no event: it ends as `invalid`. */
  #messageOf(entry: RedisStreamEntry): unknown {
    try {
      return atOnce(this.#parts.messageFrom(entry))
    } catch (error) {
      this.#parts.losses.tell(`messageFrom failed at entry ${entry.id}: ${errorText(error)}`)
      return pairsOf(entry)
    }
  }
}

/** Something to do; it should end soon once the signal fires. */
type Task = (signal: AbortSignal) => Promise<void>

/** What a source does beside reading, again and again, until it is closed. */
class Chores {
  readonly #stopped = new AbortController()
  readonly #running: Promise<void>[] = []

  /** Does a task so long after its last time, until stopped; a failure is told, and does not end it. */
  every(ms: number, task: Task, onFailure: (error: unknown) => void): void {
    this.#running.push(this.#repeat(ms, task, onFailure))
  }

  /** Resolves once nothing is being done any more. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    await Promise.all(this.#running)
  }

  async #repeat(ms: number, task: Task, onFailure: (error: unknown) => void): Promise<void> {
    const { signal } = this.#stopped
    for (;;) {
      await systemTimers.sleep(ms, signal)
      if (signal.aborted) return
      await task(signal).catch(onFailure)
    }
  }
}
