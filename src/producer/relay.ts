// The relay, also known as transactional outbox: what is appended to an event log reaches a sink, at least
// once, in the order of each stream, and goes on after any crash. What arrives twice bears its number twice,
// so consumers drop it. Upholds I1 and I3 on the way from the producer's log to its consumers.
import type { LoggedEvent } from '../core/logged-event.ts'
import type { RelayLag } from '../ports/relay-news.ts'
import { LogPlaces, shardOf } from './log-places.ts'
import type { RelayOptions, RelayParts } from './relay/relay-parts.ts'
import { relayParts } from './relay/relay-parts.ts'
import type { ShardsTogether } from './relay/shard-run.ts'
import { ShardRun } from './relay/shard-run.ts'
import { SharedSink } from './relay/shared-sink.ts'

/** When a relay ends by itself. */
export interface RelayRunOptions {
  /** `caught-up`: once nothing of the log is unsent, whichever relay sent it. Default: only when stopped. */
  readonly until?: 'caught-up'
}

/** Sends what is appended to a log. It runs once: what has ended stays ended. */
export interface Relay {
  /**
   * Runs until stopped. Failures that waiting may mend are told to telemetry and waited out, up to 10 s at a
   * time. Called again, it returns the same promise.
   *
   * @throws BelowRetention `below-retention`: events that were not sent yet are no longer in the log
   * @throws InturnError what else waiting does not mend: `event-invalid` for an event that has no JSON,
   *   `sink-unavailable` where the sink says so. What a sink throws that is no InturnError is thrown on
   */
  run(options?: RelayRunOptions): Promise<void>
  /** Finishes the batch in hand and ends. Resolves once it has ended, also where `run` rejects. */
  stop(): Promise<void>
  /** Ends at once: the sink's signal fires, and the batch in hand is sent again later. Resolves as `stop`. */
  stopNow(): Promise<void>
  /** How far the relays of this name are behind, as their store has it. Log and store must be open. */
  lag(): Promise<RelayLag>
}

/**
 * Makes a relay.
 *
 * @throws InturnError `config-invalid` for an option that is missing, unknown or out of its range
 * @example
 * const relay = createRelay({ name: 'orders', log, sink: fileSink('events.ndjson'), store })
 * await relay.run()
 */
export function createRelay(options: RelayOptions): Relay {
  return new LogRelay(relayParts(options))
}

/**
 * Gives the options of a relay their type, for the configuration file of `inturn relay`; changes nothing.
 *
 * @example
 * export default defineRelay({ name: 'orders', log, sink: fileSink('events.ndjson'), store })
 */
export function defineRelay(options: RelayOptions): RelayOptions {
  return options
}

const tellLagEveryMs = 1_000

class LogRelay implements Relay {
  readonly #parts: RelayParts
  readonly #places: LogPlaces
  readonly #draining = new AbortController()
  readonly #stopNow = new AbortController()
  #ended: Promise<void> | undefined
  #opened: Promise<void> | undefined
  #shardsHeld = 0

  constructor(parts: RelayParts) {
    this.#parts = parts
    this.#places = placesOf(parts)
  }

  run(options: RelayRunOptions = {}): Promise<void> {
    this.#ended ??= this.#run(options)
    return this.#ended
  }

  async stop(): Promise<void> {
    this.#draining.abort()
    await this.#ended?.catch(() => undefined)
  }

  async stopNow(): Promise<void> {
    this.#stopNow.abort()
    await this.stop()
  }

  lag(): Promise<RelayLag> {
    return unsentOf(this.#parts, this.#places)
  }

  async #run({ until }: RelayRunOptions): Promise<void> {
    const ended = new AbortController()
    const telling = this.#tellLag(ended.signal)
    try {
      await this.#runShards(until === 'caught-up')
    } finally {
      ended.abort()
      await telling
      this.#parts.tellEnd()
    }
  }

  /** Runs every shard. Where one cannot go on, the others finish what they have in hand. */
  async #runShards(untilCaughtUp: boolean): Promise<void> {
    const { sink, shards } = this.#parts
    const together: ShardsTogether = {
      parts: this.#parts,
      places: this.#places,
      sink: new SharedSink(sink),
      open: () => this.#open(),
      draining: this.#draining.signal,
      stopNow: this.#stopNow.signal,
      room: { take: () => this.#takeRoom(), leave: () => void this.#shardsHeld-- },
    }
    const runs = Array.from({ length: shards }, (_, index) => new ShardRun(together, index + 1))
    const running = runs.map((run) => run.run(untilCaughtUp))
    for (const one of running) one.catch(() => this.#draining.abort())
    const outcomes = await Promise.allSettled(running)
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  async #open(): Promise<void> {
    const { store, log, open } = this.#parts
    const openStore = (): Promise<void> => store.open()
    const opening = (): Promise<void> => (open === undefined ? openStore() : open().then(openStore))
    this.#opened ??= opening().then(() => log.open())
    try {
      await this.#opened
    } catch (error) {
      this.#opened = undefined
      throw error
    }
  }

  #takeRoom(): boolean {
    if (this.#shardsHeld >= this.#parts.shardsMax) return false
    this.#shardsHeld++
    return true
  }

  /** Tells the lag while the relay runs. Where it cannot be read, the shards tell why. */
  async #tellLag(ended: AbortSignal): Promise<void> {
    const { timers, tell, name, isTold } = this.#parts
    if (!isTold) return
    for (;;) {
      await timers.sleep(tellLagEveryMs, ended)
      if (ended.aborted) return
      const lag = await this.lag().catch(() => undefined)
      if (lag !== undefined) tell({ kind: 'relay-lag', relay: name, ...lag })
    }
  }
}

/** The places of a relay, in its store. */
function placesOf({ log, store, name, shards, start, filter: { domains, types } }: RelayParts): LogPlaces {
  // With another filter other places count: what a filter had left out was never sent.
  const isAll = domains === undefined && types === undefined
  const filter = isAll ? '' : ` of ${JSON.stringify([domains?.toSorted(), types?.toSorted()])}`
  const owner = `relay ${name}`
  const notes = {
    read: (note: string) => store.checkpoint(owner, note + filter),
    write: (note: string, text: string) => store.checkpoint(owner, note + filter, text),
  }
  return new LogPlaces({ log, shards, start, owner, notes })
}

/** The lag of all shards together. */
async function unsentOf(parts: RelayParts, places: LogPlaces): Promise<RelayLag> {
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
