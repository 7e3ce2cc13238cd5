// Random histories against the plainest expectation there is: each stream's events have their effect once and
// in order, whatever the batches, the copies, the failures, and the workers between which they are split.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { InturnEvent } from '../../../src/core/event.ts'
import { contiguous, increasing, linked } from '../../../src/core/numbering.ts'
import type { BatchContext, HandlerContext } from '../../../src/engine/domain-options.ts'
import type { ProcessResult } from '../../../src/engine/process-result.ts'
import type { Processor } from '../../../src/engine/processor.ts'
import { faultsByChance } from '../../../src/testing/faults.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import type { DomainShape } from './engine-world.ts'
import { EngineWorld, event, sweepAll } from './engine-world.ts'

/** What a random history is made of. */
interface History {
  readonly seed: number
  readonly streams: number
  readonly length: number
  readonly batch: number
  readonly workers: number
  readonly heldMax: number
  readonly numbering: 'contiguous' | 'linked'
  readonly isBulk: boolean
  readonly isAsync: boolean
  readonly then: 'halt' | 'dead-letter'
  readonly failChance: number
  readonly faultChance: number
}

const histories: fc.Arbitrary<History> = fc.record({
  seed: fc.integer(),
  streams: fc.integer({ min: 1, max: 5 }),
  length: fc.integer({ min: 1, max: 25 }),
  batch: fc.integer({ min: 1, max: 40 }),
  workers: fc.integer({ min: 1, max: 3 }),
  heldMax: fc.constantFrom(1, 3, 1_000),
  numbering: fc.constantFrom('contiguous', 'linked'),
  isBulk: fc.boolean(),
  isAsync: fc.boolean(),
  then: fc.constantFrom('halt', 'dead-letter'),
  failChance: fc.constantFrom(0, 0.1, 0.4),
  faultChance: fc.constantFrom(0, 0, 0.1),
})

/** The outside world: it takes each idempotency key once, as a handler that acts elsewhere is told to. */
class Outside {
  readonly effects = new Map<string, number[]>()
  readonly #keys = new Set<string>()

  take({ stream, sequence }: InturnEvent, key: string): void {
    if (this.#keys.has(key)) return
    this.#keys.add(key)
    const own = this.effects.get(stream) ?? []
    this.effects.set(stream, own)
    own.push(Number(sequence))
  }
}

function handlers(history: History, random: SeededRandom, outside: Outside): DomainShape {
  const decide = (): void => {
    if (random.chance(history.failChance)) throw new Error('by chance')
  }
  const one = (called: InturnEvent, key: string): void => {
    decide()
    outside.take(called, key)
  }
  const maybeLater = (act: () => void): unknown => (history.isAsync ? Promise.resolve().then(act) : act())
  if (!history.isBulk) {
    return {
      handle: (called: InturnEvent, { idempotencyKey }: HandlerContext) =>
        maybeLater(() => one(called, idempotencyKey)),
    }
  }
  return {
    handle: undefined,
    handleBatch: (called: readonly InturnEvent[], context: BatchContext) =>
      maybeLater(() => {
        for (const event of called) one(event, context.idempotencyKeyOf(event))
      }),
  }
}

function arrivalsOf(history: History, random: SeededRandom): readonly unknown[] {
  const all: unknown[] = []
  for (let stream = 0; stream < history.streams; stream++) {
    for (let sequence = 1; sequence <= history.length; sequence++) {
      const previous = sequence === 1 ? null : sequence - 1
      const fields = history.numbering === 'linked' ? { previous } : {}
      const copies = random.chance(0.2) ? 3 : 1
      for (let copy = 0; copy < copies; copy++) all.push(event(`s${stream}`, sequence, fields))
    }
  }
  return random.shuffled(all)
}

/**
 * Gives events until none is refused, as a caller is told to; failures of the store are met with the same
 * call.
 */
async function giveAll(
  world: EngineWorld,
  given: readonly unknown[],
  batchesOf: () => [Processor, number],
): Promise<void> {
  let left = [...given]
  for (let rounds = 0; left.length > 0; rounds++) {
    if (rounds > 5_000) throw new Error('refused for ever')
    const calls: Promise<readonly ProcessResult[]>[] = []
    const batches: unknown[][] = []
    for (let worker = 0; worker < 2 && left.length > 0; worker++) {
      const [processor, size] = batchesOf()
      const batch = left.slice(0, size)
      left = left.slice(size)
      batches.push(batch)
      calls.push(processor.process(batch))
    }
    const ends = await Promise.allSettled(calls)
    ends.forEach((end, index) => {
      const batch = batches[index] ?? []
      if (end.status === 'rejected') left.push(...batch)
      else left.push(...batch.filter((_, at) => end.value[at]?.verdict === 'refuse'))
    })
    await world.timers.advance(1_000)
    await batchesOf()[0].sweep().catch(ignoreRetryable)
  }
}

function ignoreRetryable(error: unknown): void {
  if (!(error instanceof Error && 'retryable' in error && error.retryable === true)) throw error
}

async function sweepToEnd(world: EngineWorld, processor: Processor): Promise<void> {
  for (let rounds = 0; rounds < 200; rounds++) {
    await world.timers.advance(60_000)
    await sweepAll(processor)
  }
}

function worldOf(history: History) {
  const world = new EngineWorld()
  const random = new SeededRandom(history.seed)
  const outside = new Outside()
  const chance = history.faultChance
  const plan = faultsByChance(random.fork(), {
    failBefore: chance / 2,
    failAfter: chance / 2,
    delay: 0,
    delayMsMax: 1,
  })
  const fields: DomainShape = {
    numbering: history.numbering === 'linked' ? linked() : contiguous(),
    heldMax: history.heldMax,
    failure: { attempts: history.then === 'halt' ? 1_000 : 3, backoffMax: 1_000, then: history.then },
    ...handlers(history, random.fork(), outside),
  }
  const processors = Array.from({ length: history.workers }, () =>
    world.processor(fields, {
      store: world.store({ plan: chance === 0 ? () => undefined : plan }),
      batch: history.batch,
    }),
  )
  return { world, random, outside, processors, calm: world.processor(fields) }
}

async function run(history: History): Promise<void> {
  const { world, random, outside, processors, calm } = worldOf(history)
  const [first = calm, ...others] = processors
  await giveAll(world, arrivalsOf(history, random), () => [
    random.pick([first, ...others]),
    random.whole(1, history.batch),
  ])
  await sweepToEnd(world, calm)
  const letters = await world.deadLetters()
  for (let index = 0; index < history.streams; index++) {
    const stream = `s${index}`
    const buried = new Set(
      letters.filter((letter) => letter.stream === `account/${stream}`).map(({ sequence }) => sequence),
    )
    const numbers = Array.from({ length: history.length }, (_, at) => at + 1)
    const effects = outside.effects.get(stream) ?? []
    expect(effects).toEqual([...new Set(effects)].sort((a, b) => a - b))
    for (const number of numbers) expect(buried.has(number) || effects.includes(number)).toBe(true)
    const stored = await world.stream(stream)
    expect(stored?.state).toMatchObject({ position: history.length, heldCount: 0 })
    expect(stored?.deliveries).toBe(history.length - buried.size)
    expect(stored?.state.counts).toMatchObject({
      delivered: history.length - buried.size,
      removed: buried.size,
    })
  }
  expect(await world.handedOver()).toBe(0)
  expect(letters.every(({ reason }) => reason === 'failed')).toBe(true)
}

/** A chain's last event was held and released in one turn, behind events that were held before. */
const heldAndReleased: History = {
  seed: 16,
  streams: 4,
  length: 23,
  batch: 7,
  workers: 2,
  heldMax: 3,
  numbering: 'linked',
  isBulk: false,
  isAsync: true,
  then: 'dead-letter',
  failChance: 0.4,
  faultChance: 0.1,
}

describe('random histories (I1, I2, I3, I5)', () => {
  it('end with every effect once and in order', async () => {
    await fc.assert(fc.asyncProperty(histories, run), { numRuns: 150, examples: [[heldAndReleased]] })
  })

  it('of increasing numbers in their own order lose none, whatever fails', async () => {
    const shapes = fc.record({
      seed: fc.integer(),
      length: fc.integer({ min: 1, max: 60 }),
      batch: fc.integer({ min: 1, max: 9 }),
    })
    await fc.assert(
      fc.asyncProperty(shapes, async ({ seed, length, batch }) => {
        const world = new EngineWorld()
        const random = new SeededRandom(seed)
        const handle = (called: InturnEvent): void => {
          if (random.chance(0.3)) throw new Error('by chance')
          world.note(called)
        }
        const failure = { attempts: 1_000, backoffMax: 10 }
        const processor = world.processor(
          { numbering: increasing(), heldMax: 1_000, handle, failure },
          { batch },
        )
        const numbers = Array.from({ length }, (_, index) => (index + 1) * 3)
        await processor.process(numbers.map((sequence) => event('a', sequence)))
        for (let rounds = 0; rounds < 40; rounds++) {
          await world.timers.advance(1_000)
          await sweepAll(processor)
          await processor.process([event('a', numbers[0])])
        }
        await sweepToEnd(world, processor)
        expect(world.calls).toEqual(numbers.map((sequence) => `a:${sequence}`))
      }),
      { numRuns: 40 },
    )
  })
})
