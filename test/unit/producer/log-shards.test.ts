// Readers of one consumer that share a log by shards: each shard has one reader at a time, all of them have a
// fair part, and whatever joins, leaves, dies or stands still, nothing is passed over (I3, I4).
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aroundStore } from '../../../src/ports/around-store.ts'
import type { Checkpoint, Source } from '../../../src/ports/source.ts'
import { logSource } from '../../../src/producer/log-source.ts'
import type { LogDelivery, LogSourceOptions } from '../../../src/producer/log-source.ts'
import { memoryEventLog, memoryStore } from '../../../src/stores/memory.ts'
import { aroundEventLog } from '../../../src/testing/around-event-log.ts'
import type { EventLogMethod } from '../../../src/testing/around-event-log.ts'
import { ids, to } from '../../../src/testing/event-log-suite/samples.ts'
import { VirtualTimers } from '../../../src/testing/virtual-timers.ts'
import { Lifeline } from '../../simulation/lifeline.ts'

const leaseMs = 2_000

/** A log, a store, and readers of one consumer. */
class World {
  readonly timers = new VirtualTimers()
  readonly log = memoryEventLog({ timers: this.timers, now: () => 1e12 + this.timers.elapsedMs() })
  readonly store = memoryStore({ timers: this.timers, now: () => 1e12 + this.timers.elapsedMs() })
  /** By place: which readers it was given to, in order. */
  readonly given = new Map<number, number[]>()
  readonly settled = new Set<number>()
  readonly readers: Reader[] = []
  #made = 0

  join(options: Partial<LogSourceOptions> = {}): Reader {
    const reader = new Reader(this, ++this.#made, options)
    this.readers.push(reader)
    return reader
  }

  async append(streams: number, events: number): Promise<void> {
    const names = Array.from({ length: streams }, (_, index) => `s${index}`)
    const prefix = `${++this.#made}-`
    await this.log.appendAll(names.map((name) => to(name, ids(events, `${prefix}${name}-`))))
  }

  async unsettled(): Promise<number[]> {
    const { first, last } = await this.log.bounds()
    const places = Array.from({ length: last - first + 1 }, (_, index) => first + index)
    return places.filter((place) => !this.settled.has(place))
  }

  givenTwice(): number[] {
    return [...this.given].filter(([, readers]) => readers.length > 1).map(([place]) => place)
  }
}

/** A process that reads, and settles what it has read a little later. */
class Reader {
  readonly #source: Source<LogDelivery>
  readonly places: number[] = []
  error: unknown
  readonly #life: Lifeline
  readonly #stop = new AbortController()
  readonly #world: World
  #stallMs = 0

  constructor(world: World, name: number, options: Partial<LogSourceOptions>) {
    this.#world = world
    this.#life = new Lifeline(world.timers, { dies: () => false, stallMs: () => this.#takeStall() })
    const { timers } = this.#life
    // What was read is some milliseconds old when it arrives.
    const late = this.#life.around<EventLogMethod>('log')
    const log = aroundEventLog(
      world.log,
      (call, run) =>
        late(call, async () => {
          const result = await run()
          if (call.method === 'page') await timers.sleep(7)
          return result
        }),
      timers,
    )
    this.#source = logSource(log, {
      shards: 8,
      lease: leaseMs,
      pollMs: 50,
      checkpointMs: 200,
      timers,
      ...options,
    })
    this.#run(name).catch((error: unknown) => {
      this.error = error
    })
  }

  die(): void {
    this.#life.die()
  }

  standStill(ms: number): void {
    this.#stallMs = ms
  }

  async isCaughtUp(): Promise<boolean> {
    const answer = this.#source.isCaughtUp()
    await this.#world.timers.advance(100)
    return answer
  }

  /** Ends as a worker does that is told to; one that is dead, or stands still, does not get there. */
  async leave(): Promise<void> {
    this.#stop.abort()
    await this.#world.timers.advance(15_000)
  }

  #takeStall(): number {
    const ms = this.#stallMs
    this.#stallMs = 0
    return ms
  }

  async #run(name: number): Promise<void> {
    const world = this.#world
    const store = aroundStore(world.store.beside(), this.#life.around('store'))
    const checkpoint: Checkpoint = {
      load: (part = '') => store.checkpoint('c', part),
      save: async (note, part = '') => void (await store.checkpoint('c', part, note)),
      lease: (part, ms) => store.lease(part, { holder: `reader ${name}`, ms }),
    }
    await store.open()
    await this.#source.open(checkpoint)
    const { signal } = this.#stop
    while (!signal.aborted) {
      const deliveries = await this.#source.read({ max: 7, waitMs: 100, signal })
      for (const { message } of deliveries) {
        this.places.push(message.place)
        world.given.set(message.place, [...(world.given.get(message.place) ?? []), name])
      }
      await this.#life.timers.sleep(30)
      for (const { message } of deliveries) world.settled.add(message.place)
      await this.#source.settle(deliveries)
    }
    await this.#source.close()
  }
}

describe('readers that share a log', () => {
  test('each event goes to one of them, and all have about as many shards', async () => {
    const world = new World()
    const readers = [world.join(), world.join(), world.join()]
    await world.timers.advance(10_000)
    await world.append(64, 4)
    await world.timers.advance(10_000)
    expect(await world.unsettled()).toEqual([])
    expect(world.givenTwice()).toEqual([])
    const parts = readers.map(({ places }) => places.length / 256)
    expect(Math.min(...parts)).toBeGreaterThan(1 / 8)
    for (const reader of readers) await reader.leave()
  })

  test('one that joins or leaves moves shards, and nothing is given twice for it', async () => {
    const world = new World()
    const first = world.join()
    await world.append(40, 30)
    await world.timers.advance(1_500)
    const second = world.join()
    await world.append(40, 30)
    await world.timers.advance(4_000)
    await world.append(40, 10)
    await world.timers.advance(2_000)
    expect(second.places.length).toBeGreaterThan(100)
    await second.leave()
    await world.append(40, 10)
    await world.timers.advance(60_000)
    expect(await world.unsettled()).toEqual([])
    expect(world.givenTwice()).toEqual([])
    await first.leave()
  })

  test('what a dead reader had goes to the others when its leases end', async () => {
    const world = new World()
    const [first, second] = [world.join(), world.join()]
    await world.timers.advance(5_000)
    await world.append(40, 20)
    await world.timers.advance(500)
    second.die()
    await world.append(40, 5)
    await world.timers.advance(leaseMs / 2)
    expect((await world.unsettled()).length).toBeGreaterThan(0)
    await world.timers.advance(60_000)
    expect(await world.unsettled()).toEqual([])
    expect(first.error).toBeUndefined()
    await first.leave()
  })

  test('it is caught up once everything is settled, whoever has it', async () => {
    const world = new World()
    const [first, second] = [world.join(), world.join()]
    await world.timers.advance(5_000)
    second.die()
    await world.append(20, 2)
    await world.timers.advance(200)
    expect(await first.isCaughtUp()).toBe(false)
    await world.timers.advance(20_000)
    expect(await first.isCaughtUp()).toBe(true)
    await first.leave()
  })

  test('with more readers than shards some have nothing to read, until one leaves', async () => {
    const world = new World()
    const readers = [1, 2, 3].map(() => world.join({ shards: 2 }))
    await world.timers.advance(5_000)
    await world.append(20, 2)
    await world.timers.advance(5_000)
    expect(readers.filter(({ places }) => places.length > 0)).toHaveLength(2)
    const [first, ...others] = readers
    await first?.leave()
    await world.timers.advance(5_000)
    await world.append(20, 2)
    await world.timers.advance(5_000)
    expect(await world.unsettled()).toEqual([])
    for (const { places } of others) expect(places.length).toBeGreaterThan(0)
    for (const reader of others) await reader.leave()
  })

  test('with another number of shards they go on where all shards had been', async () => {
    const world = new World()
    await world.append(20, 5)
    const first = world.join()
    await world.timers.advance(5_000)
    await first.leave()
    const second = world.join({ shards: 3 })
    await world.append(20, 5)
    await world.timers.advance(5_000)
    await second.leave()
    expect(await world.unsettled()).toEqual([])
    expect(world.givenTwice()).toEqual([])
  })

  test('one that stood still while others read on, and retention followed, goes on', async () => {
    const world = new World()
    const [first, second] = [world.join(), world.join()]
    await world.append(30, 2)
    await world.timers.advance(5_000)
    second.standStill(20_000)
    await world.append(30, 2)
    await world.timers.advance(10_000)
    expect(await world.unsettled()).toEqual([])
    await world.log.trim({ before: 110 })
    await world.append(30, 1)
    await world.timers.advance(60_000)
    expect([first.error, second.error]).toEqual([undefined, undefined])
    expect(await world.unsettled()).toEqual([])
    for (const reader of [first, second]) await reader.leave()
  })

  test('whatever befalls readers, nothing is passed over, and without deaths nothing doubled', async () => {
    const steps = fc.array(
      fc.oneof(
        { weight: 2, arbitrary: fc.constant({ kind: 'join' as const }) },
        { weight: 2, arbitrary: fc.record({ kind: fc.constant('leave' as const), which: fc.nat(9) }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const), which: fc.nat(9) }) },
        {
          weight: 1,
          arbitrary: fc.record({ kind: fc.constant('stall' as const), which: fc.nat(9), ms: fc.nat(9_000) }),
        },
        { weight: 3, arbitrary: fc.record({ kind: fc.constant('append' as const), events: fc.nat(5) }) },
        { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(4_000) }) },
      ),
      { maxLength: 25 },
    )
    const worlds = fc.record({ steps, shards: fc.constantFrom(1, 2, 5, 8) })
    await fc.assert(
      fc.asyncProperty(worlds, async ({ steps: happenings, shards }) => {
        const world = new World()
        await world.append(12, 3)
        for (const step of happenings) {
          const reader =
            'which' in step ? world.readers[step.which % Math.max(1, world.readers.length)] : undefined
          if (step.kind === 'join') world.join({ shards })
          else if (step.kind === 'append') await world.append(12, step.events + 1)
          else if (step.kind === 'wait') await world.timers.advance(step.ms)
          else if (step.kind === 'die') reader?.die()
          else if (step.kind === 'stall') reader?.standStill(step.ms)
          else await reader?.leave()
        }
        const last = world.join({ shards })
        await world.timers.advance(60_000)
        expect(await world.unsettled()).toEqual([])
        expect(world.readers.map(({ error }) => error).filter((error) => error !== undefined)).toEqual([])
        expect(await last.isCaughtUp()).toBe(true)
        const isRough = happenings.some(({ kind }) => kind === 'die' || kind === 'stall')
        expect(shards > 1 && !isRough ? world.givenTwice() : []).toEqual([])
      }),
      { numRuns: 60 },
    )
  })
})
