// Sends the events of one shard, in the order of the log. Every batch begins right behind what is known to be
// at the sink, and the place moves only once the batch is there. So whichever relay sends, also one that had
// stood still and comes late, no event arrives before one of its stream that precedes it. Upholds I1 and I3.
//
// States: standing by (another relay has the lease) -> sending <-> waiting at the log's end -> backing off
// (something failed; the lease is given back) -> standing by ... -> ended.
import { BelowRetention } from '../../core/append-errors.ts'
import { InturnError } from '../../core/errors.ts'
import type { LogPage } from '../../ports/event-log.ts'
import type { Sink, SinkMessage } from '../../ports/sink.ts'
import type { LogPlace, LogPlaces } from '../log-places.ts'
import { shardOf } from '../log-places.ts'
import { ShardLease } from '../shard-lease.ts'
import { relayMessage } from './relay-message.ts'
import type { RelayParts } from './relay-parts.ts'
import type { SharedSink } from './shared-sink.ts'

/** What the shards of a relay have in common. */
export interface ShardsTogether {
  readonly parts: RelayParts
  readonly places: LogPlaces
  readonly sink: SharedSink
  /** Opens the log and the store, unless they are open. */
  readonly open: () => Promise<void>
  /** Fires when the batch in hand is the last one. */
  readonly draining: AbortSignal
  /** Fires when not even that one is to be finished. */
  readonly stopNow: AbortSignal
  /** Asks for a place among the shards that this relay may have; gives it back. */
  readonly room: { take(): boolean; leave(): void }
}

/** How a batch went. */
interface Step {
  readonly place: LogPlace
  readonly isEnd: boolean
}

const firstRetryMs = 100
const longestRetryMs = 10_000

/** One shard of a relay. It runs once. */
export class ShardRun {
  readonly #together: ShardsTogether
  readonly #shard: number
  #failures = 0
  #isDone = false

  constructor(together: ShardsTogether, shard: number) {
    this.#together = together
    this.#shard = shard
  }

  /**
   * Runs until it is told to drain, or, with `untilCaughtUp`, until nothing of the shard is unsent, whoever
   * sent it.
   *
   * @throws InturnError of a kind that waiting does not mend
   */
  async run(untilCaughtUp: boolean): Promise<void> {
    const { draining, open } = this.#together
    while (!this.#isDone && !draining.aborted) {
      await this.#attempt(async () => {
        await open()
        const isMine = await this.#inLease((lease) => this.#send(lease, untilCaughtUp))
        if (isMine || this.#isDone) return
        if (untilCaughtUp && (await this.#isCaughtUp())) this.#isDone = true
        else await this.#standBy()
      })
    }
  }

  /** Runs something while the lease is held; `false` where it is not to be had. */
  async #inLease(run: (lease: ShardLease) => Promise<void>): Promise<boolean> {
    const { parts, room } = this.#together
    if (!room.take()) return false
    try {
      const { name, shards, store, holder } = parts
      const lease = await ShardLease.take(
        { ...parts, lease: (of, ms) => store.lease(of, { holder, ms }) },
        `relay ${name} shard ${this.#shard} of ${shards}`,
      )
      if (lease === undefined) return false
      try {
        await run(lease)
      } finally {
        await lease.end()
        if (lease.signal.aborted) parts.tell({ kind: 'relay-lost', ...this.#named() })
      }
      return true
    } finally {
      room.leave()
    }
  }

  async #send(lease: ShardLease, untilCaughtUp: boolean): Promise<void> {
    const { places, sink, parts, draining } = this.#together
    const until = AbortSignal.any([draining, lease.signal])
    await sink.use(async (open) => {
      let place = await places.begin(this.#shard)
      let insistAtMs = parts.timers.elapsedMs()
      parts.tell({ kind: 'relay-taken', through: place.through, ...this.#named() })
      while (!until.aborted) {
        const step = await this.#step(open, lease, place)
        if (step === undefined) return
        place = step.place
        this.#succeeded()
        this.#isDone = untilCaughtUp && step.isEnd
        if (this.#isDone) return
        if (parts.timers.elapsedMs() >= insistAtMs) {
          if (await lease.isHeld()) await places.insist(this.#shard, place)
          insistAtMs = parts.timers.elapsedMs() + parts.leaseMs / 3
        }
        if (step.isEnd) await parts.timers.sleep(parts.pollMs, until)
      }
    })
  }

  /** Sends the next batch and keeps the place behind it; `undefined` where the lease was lost meanwhile. */
  async #step(sink: Sink, lease: ShardLease, place: LogPlace): Promise<Step | undefined> {
    const { parts, places } = this.#together
    const { log, filter, batch, shards, form } = parts
    let page: LogPage
    try {
      page = await log.page({ ...filter, after: place.through, limit: batch })
    } catch (error) {
      // While this one stood still another one may have sent what retention has removed since.
      if (error instanceof BelowRetention && !(await lease.isHeld())) return undefined
      throw error
    }
    const { events, through, isEnd } = page
    if (!(await lease.isHeld())) return undefined
    const own = shards === 1 ? events : events.filter((event) => shardOf(event, shards) === this.#shard)
    const messages = own.map((event) => relayMessage(event, form))
    if (messages.length > 0) await this.#give(messages, sink, lease)
    if (through === place.through) return { place, isEnd }
    if (!(await lease.isHeld())) return undefined
    const last = own.at(-1)
    const event = last === undefined ? place.event : { place: last.place, id: last.id }
    const next = { through, ...(event !== undefined && { event }) }
    await places.save(this.#shard, next)
    if (own.length > 0) parts.tell({ kind: 'relay-sent', events: own.length, through, ...this.#named() })
    return { place: next, isEnd }
  }

  async #give(messages: readonly SinkMessage[], sink: Sink, lease: ShardLease): Promise<void> {
    const { parts, stopNow } = this.#together
    const late = new AbortController()
    const cancel = parts.timers.after(parts.sendTimeoutMs, () => late.abort())
    try {
      await sink.send(messages, { signal: AbortSignal.any([stopNow, lease.signal, late.signal]) })
    } catch (error) {
      if (!lease.signal.aborted) throw error
    } finally {
      cancel()
    }
  }

  /** Whether whoever has the lease has sent everything. */
  async #isCaughtUp(): Promise<boolean> {
    const { parts, places } = this.#together
    const place = await places.find(this.#shard)
    if (place === undefined) return false
    try {
      const { events, isEnd } = await parts.log.page({ ...parts.filter, after: place.through, limit: 1 })
      return isEnd && events.length === 0
    } catch (error) {
      // The place has moved on since, or whoever has the lease says what is wrong.
      if (error instanceof BelowRetention) return false
      throw error
    }
  }

  async #standBy(): Promise<void> {
    const { parts, draining } = this.#together
    await parts.timers.sleep(Math.min(parts.leaseMs / 3, 1_000), draining)
  }

  /** Runs a part of the work. A failure that waiting may mend is told and waited out. */
  async #attempt(part: () => Promise<void>): Promise<void> {
    const { parts, draining, stopNow } = this.#together
    try {
      await part()
    } catch (error) {
      if (stopNow.aborted) return
      if (!(error instanceof InturnError) || !error.retryable) throw error
      const ceiling = Math.min(longestRetryMs, firstRetryMs * 2 ** this.#failures)
      const retryInMs = Math.ceil((ceiling * (1 + parts.random.next())) / 2)
      this.#failures++
      parts.tell({ kind: 'relay-failed', error, retryInMs, ...this.#named() })
      await parts.timers.sleep(retryInMs, draining)
    }
  }

  #succeeded(): void {
    if (this.#failures > 0) this.#together.parts.tell({ kind: 'relay-recovered', ...this.#named() })
    this.#failures = 0
  }

  #named(): { readonly relay: string; readonly shard: number } {
    return { relay: this.#together.parts.name, shard: this.#shard }
  }
}
