// A broker that fails, or says nothing, keeps back what it leads alone (I6), and is asked ever more seldom
// (I7).
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { InturnError } from '../../../../src/core/errors.ts'
import { systemTimers } from '../../../../src/ports/timers.ts'
import { FetchLoop } from '../../../../src/transports/kafka/fetch-loop.ts'
import type { FetchResponse } from '../../../../src/transports/kafka/fetch-request.ts'
import { Partition } from '../../../../src/transports/kafka/partition.ts'
import type { BrokerAddress, TopicClient } from '../../../../src/transports/kafka/topic-client.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  vi.spyOn(systemTimers, 'elapsedMs').mockImplementation(() => Date.now())
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

type Answer = (partitions: readonly Partition[]) => Promise<FetchResponse>

const nothing: Answer = (partitions) => answerOf(partitions, 0)
const refused: Answer = () => Promise.reject(new Error('refused'))
const silent: Answer = () => new Promise(() => undefined)

/** A broker waits a third of a second for records that do not come. */
async function answerOf(partitions: readonly Partition[], errorCode: number): Promise<FetchResponse> {
  await new Promise((resolve) => setTimeout(resolve, 300))
  return {
    errorCode: 0,
    partitions: partitions.map(({ topicId, partition }) => ({
      topicId,
      partition,
      errorCode,
      end: 0n,
      abortedTransactions: [],
      batches: [],
    })),
  }
}

/** Two partitions, led by a broker each, and what was asked and told. */
class World {
  readonly answers: Record<number, Answer> = { 1: nothing, 2: nothing }
  readonly leaders: Record<string, number | undefined> = { 'clicks[0]': 1, 'clicks[1]': 2 }
  readonly asked: { readonly node: number; readonly atMs: number }[] = []
  readonly told: string[] = []
  refresh: () => Promise<void> = () => Promise.resolve()
  refreshes = 0
  readonly #partitions = new Map<string, Partition>()
  readonly #hung = new Map<number, (error: Error) => void>()
  readonly #loop: FetchLoop

  constructor() {
    for (const partition of [0, 1]) {
      const made = new Partition({ topic: 'clicks', partition }, { topicId: 'id', unsettledMax: 100 })
      made.begin(0)
      this.#partitions.set(made.name, made)
    }
    const client: Pick<TopicClient, 'leaderOf' | 'isUnled' | 'addressOf' | 'endFetch' | 'refresh' | 'fetch'> =
      {
        leaderOf: ({ topic, partition }) => this.leaders[`${topic}[${partition}]`],
        isUnled: () => false,
        addressOf: (node) => ({ host: `host${node}`, port: 9092 }),
        endFetch: ({ host }: BrokerAddress) => {
          this.#hung.get(Number(host.slice(4)))?.(new Error('ended'))
        },
        refresh: () => {
          this.refreshes++
          return this.refresh()
        },
        fetch: (node, partitions) => {
          this.asked.push({ node, atMs: Date.now() })
          const answer = this.answers[node]?.(partitions) ?? nothing(partitions)
          return Promise.race([
            answer,
            new Promise<never>((_, reject) => {
              this.#hung.set(node, reject)
            }),
          ])
        },
      }
    const names = (own: readonly Partition[]): string => own.map(({ name }) => name).join()
    this.#loop = new FetchLoop(client as TopicClient, {
      name: 'kafka',
      refreshMs: 30_000,
      partitions: this.#partitions,
      woken: () => this.#loop.run(),
      failed: ({ message }: InturnError) => void this.told.push(`failed: ${message}`),
      looked: () => undefined,
      waitsFor: (broker, own, because) =>
        void this.told.push(`${names(own)} waits for ${broker}: ${because}`),
      goesOn: (broker, because) => void this.told.push(`${broker} ${because}`),
      restarted: () => undefined,
      stopped: ({ name }, because) => void this.told.push(`${name} stopped: ${because}`),
      unled: () => undefined,
      warned: () => undefined,
      changed: () => undefined,
      missing: () => undefined,
      replaced: () => undefined,
    })
  }

  /** Lets time pass while somebody reads: a look every quarter of a second, and whenever something came. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 250) {
      this.#loop.run()
      await vi.advanceTimersByTimeAsync(250)
    }
  }

  askedOf(node: number): readonly number[] {
    return this.asked.filter((one) => one.node === node).map(({ atMs }) => atMs)
  }
}

test('a broker that fails is asked ever more seldom, and the other one as if nothing were', async () => {
  const world = new World()
  await world.pass(30_000)
  const usual = world.askedOf(2).length
  world.answers[1] = refused
  const before = world.askedOf(1).length
  await world.pass(30_000)
  expect(world.askedOf(2).length - usual).toBeGreaterThanOrEqual(usual - 1)
  const tries = world.askedOf(1).slice(before)
  expect(tries.length).toBeLessThan(15)
  expect(Math.max(...tries.slice(1).map((at, index) => at - (tries[index] ?? 0)))).toBeLessThan(5_500)
  expect(new Set(world.told)).toEqual(new Set(['clicks[0] waits for the broker 1 (host1:9092): refused']))
  world.answers[1] = nothing
  await world.pass(6_000)
  expect(world.told.at(-1)).toBe('the broker 1 (host1:9092) answers again')
  const since = world.askedOf(1).length
  await world.pass(3_000)
  expect(world.askedOf(1).length - since).toBeGreaterThan(8)
})

test('a connection that ends once is told to nobody', async () => {
  const world = new World()
  let isFirst = true
  world.answers[1] = (partitions) => {
    const answer = isFirst ? refused : nothing
    isFirst = false
    return answer(partitions)
  }
  await world.pass(5_000)
  expect(world.told).toEqual([])
  expect(world.refreshes).toBe(1)
})

test('what a broker led that says nothing is asked of its next leader within a second', async () => {
  const world = new World()
  world.answers[1] = silent
  await world.pass(8_000)
  expect(world.told.at(-1)).toBe('clicks[0] waits for the broker 1 (host1:9092): it has not answered for 5 s')
  expect(world.askedOf(1)).toHaveLength(1)
  world.leaders['clicks[0]'] = 2
  const from = Date.now()
  const partitions: number[] = []
  world.answers[2] = (own) => {
    partitions.push(...own.map(({ partition }) => partition))
    return nothing(own)
  }
  await world.pass(2_000)
  expect(partitions).toContain(0)
  expect(world.askedOf(2).filter((at) => at > from).length).toBeGreaterThan(4)
  expect(world.told.at(-1)).toBe('the broker 1 (host1:9092) leads nothing here any more')
})

test('that nobody says who leads what is a failure, and told as such', async () => {
  const world = new World()
  world.answers[1] = refused
  world.answers[2] = refused
  world.refresh = () => Promise.reject(new Error('nobody answers'))
  await world.pass(2_000)
  expect(new Set(world.told)).toEqual(new Set(['failed: kafka: nobody answers']))
})

test('a partition whose leader has moved keeps none of the others of that broker back', async () => {
  const world = new World()
  world.leaders['clicks[1]'] = 1
  const asked: number[] = []
  world.answers[1] = async (own) => {
    asked.push(...own.map(({ partition }) => partition))
    const { partitions } = await answerOf(own, 0)
    return {
      errorCode: 0,
      partitions: partitions.map((one) => (one.partition === 0 ? { ...one, errorCode: 6 } : one)),
    }
  }
  await world.pass(6_000)
  expect(asked.filter((partition) => partition === 1).length).toBeGreaterThan(16)
  expect(asked.filter((partition) => partition === 0).length).toBeGreaterThan(5)
  expect(world.told).toEqual([])
})
