// Relays in one process on virtual time: a log, a store, and a topic that several relays send to. Each relay
// has a life of its own: it may die or stand still in front of or behind each of its calls, also in a send.
import { InturnError } from '../../../../src/core/errors.ts'
import type { LoggedEvent } from '../../../../src/core/logged-event.ts'
import { aroundStore } from '../../../../src/ports/around-store.ts'
import type { EventLog } from '../../../../src/ports/event-log.ts'
import type { RelayNews } from '../../../../src/ports/relay-news.ts'
import type { Sink, SinkMessage } from '../../../../src/ports/sink.ts'
import type { Relay, RelayRunOptions } from '../../../../src/producer/relay.ts'
import { createRelay } from '../../../../src/producer/relay.ts'
import type { RelayOptions } from '../../../../src/producer/relay/relay-parts.ts'
import type { MemoryStore } from '../../../../src/stores/memory.ts'
import { memoryEventLog, memoryStore } from '../../../../src/stores/memory.ts'
import { SeededRandom } from '../../../../src/testing/seeded-random.ts'
import { VirtualTimers } from '../../../../src/testing/virtual-timers.ts'
import { Lifeline } from '../../../simulation/lifeline.ts'
import type { Fate } from '../../../simulation/lifeline.ts'

/** What may befall a relay, or what its options are. */
export interface RelaySetup extends Partial<RelayOptions> {
  readonly fate?: Fate
  /** Called in front of each message; what it throws, the send rejects with. */
  readonly failing?: (message: SinkMessage) => void
}

/** A relay that runs. */
export interface RunningRelay {
  readonly relay: Relay
  readonly life: Lifeline
  readonly outcome: { ended: boolean; error?: unknown }
}

const longLife: Fate = { dies: () => false, stallMs: () => 0 }

/** A log, a store and a topic, and relays between them. */
export class RelayWorld {
  readonly timers: VirtualTimers = new VirtualTimers()
  readonly random: SeededRandom = new SeededRandom(7)
  readonly log: EventLog
  readonly store: MemoryStore
  /** What has arrived, in order. */
  readonly topic: SinkMessage[] = []
  readonly news: RelayNews[] = []
  readonly sinkCalls: string[] = []

  constructor() {
    const now = (): number => 1_700_000_000_000 + this.timers.elapsedMs()
    this.log = memoryEventLog({ timers: this.timers, now })
    this.store = memoryStore({ timers: this.timers, now })
    this.store.open().catch(() => undefined)
  }

  /** Appends `count` events to each of some streams, one stream after another. */
  async append(streams: readonly string[], count = 1, type = 'account.booked'): Promise<void> {
    for (const stream of streams) {
      const { last } = await this.log.bounds({ domain: 'account', stream })
      const events = Array.from({ length: count }, (_, index) => ({
        id: `${stream}-${last + index + 1}`,
        type,
        data: { of: stream },
      }))
      await this.log.append({ domain: 'account', stream, events })
    }
  }

  /** Starts a relay. */
  start(setup: RelaySetup = {}, run: RelayRunOptions = {}): RunningRelay {
    const { fate = longLife, failing, ...options } = setup
    const life = new Lifeline(this.timers, fate)
    const relay = createRelay({
      name: 'orders',
      log: this.#logOf(life),
      store: aroundStore(this.store.beside(), life.around('store')),
      sink: this.#sinkOf(life, failing),
      timers: life.timers,
      random: this.random,
      telemetry: (news) => this.news.push(news),
      logger: false,
      ...options,
    })
    const outcome: RunningRelay['outcome'] = { ended: false }
    relay.run(run).then(
      () => {
        outcome.ended = true
      },
      (error: unknown) => {
        outcome.error = error
      },
    )
    return { relay, life, outcome }
  }

  /** Lets time pass until something holds. */
  async until(holds: () => boolean, what = 'something'): Promise<void> {
    for (let turns = 0; !holds(); turns++) {
      if (turns > 20_000) throw new Error(`${what} does not come about`)
      await this.timers.advance(this.timers.nextAtMs === undefined ? 0 : 50)
    }
  }

  /** Runs a relay until the log has been sent. */
  async relayAll(setup: RelaySetup = {}): Promise<void> {
    const { outcome } = this.start(setup, { until: 'caught-up' })
    await this.until(() => outcome.ended || outcome.error !== undefined, 'the end of a relay')
    throwIfEnded(outcome)
  }

  /** The numbers that have arrived of a stream, copies too. */
  arrived(stream: string): readonly number[] {
    return this.topic.filter((message) => message.stream === stream).map(({ sequence }) => sequence)
  }

  /** What of the log breaks the order at the topic, or is not there up to a place; empty if nothing. */
  async faultsUpTo(
    through: number,
    belongs: (event: LoggedEvent) => boolean = () => true,
  ): Promise<string[]> {
    const faults: string[] = []
    const wanted = new Map<string, number[]>()
    for await (const event of this.log.readAll({ after: 'kept' })) {
      if (event.place > through || !belongs(event)) continue
      wanted.set(event.stream, [...(wanted.get(event.stream) ?? []), event.sequence])
    }
    for (const [stream, numbers] of wanted) {
      const first = [...new Set(this.arrived(stream))]
      const isRising = first.every((number, index) => index === 0 || number > (first[index - 1] ?? 0))
      const missing = numbers.filter((number) => !first.includes(number))
      if (!isRising || missing.length > 0)
        faults.push(`${stream}: ${first.join(' ')}, wanted ${numbers.join(' ')}`)
    }
    return faults
  }

  #logOf(life: Lifeline): EventLog {
    const { log } = this
    return {
      name: log.name,
      durable: log.durable,
      open: () => life.during('log.open', () => log.open()),
      close: () => log.close(),
      append: (append) => log.append(append),
      appendAll: (appends) => log.appendAll(appends),
      read: (read) => log.read(read),
      readAll: (read) => log.readAll(read),
      subscribe: (subscription) => log.subscribe(subscription),
      page: (request) => life.during('log.page', () => log.page(request)),
      bounds: (stream) => life.during('log.bounds', () => log.bounds(stream)),
      trim: (trim) => log.trim(trim),
    }
  }

  /** A sink that takes no notice of its signal: what it has begun it may go on with at any later time. */
  #sinkOf(life: Lifeline, failing: RelaySetup['failing']): Sink {
    return {
      name: 'topic',
      open: async () => {
        this.sinkCalls.push('open')
      },
      send: async (messages) => {
        this.sinkCalls.push('send')
        for (const message of messages) {
          await life.step('in a send')
          failing?.(message)
          this.topic.push(message)
        }
        await life.step('at the end of a send')
      },
      close: async () => {
        this.sinkCalls.push('close')
      },
    }
  }
}

/** Throws what a relay has ended with, if that was an error. */
export function throwIfEnded({ error }: RunningRelay['outcome']): void {
  if (error instanceof Error) throw error
}

/** A sink to the topic of a world that takes its time for each message. */
export function slowSink(world: RelayWorld, ms: number): Sink {
  return {
    name: 'slow',
    open: () => Promise.resolve(),
    close: () => Promise.resolve(),
    send: async (messages) => {
      for (const message of messages) {
        await world.timers.sleep(ms)
        world.topic.push(message)
      }
    },
  }
}

/** An error that waiting mends. */
export function sinkDown(): InturnError {
  return new InturnError('sink-unavailable', 'the topic cannot be reached', { retryable: true })
}
