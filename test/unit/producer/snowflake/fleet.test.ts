// A fleet of processes to which anything happens: pauses, clocks that are set, closing, in any order.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InturnError } from '../../../../src/core/errors.ts'
import type { Process } from './fleet.ts'
import { Fleet } from './fleet.ts'

/** What may happen to a fleet; all within so few milliseconds that spans meet. */
const happening = fc.oneof(
  { weight: 4, arbitrary: fc.record({ take: fc.nat(5), count: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 2, arbitrary: fc.record({ start: fc.constant(true) }) },
  { weight: 1, arbitrary: fc.record({ close: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ pass: fc.nat(40), running: fc.nat(63) }) },
  { weight: 1, arbitrary: fc.record({ storeClock: fc.integer({ min: -60, max: 60 }) }) },
  { weight: 1, arbitrary: fc.record({ own: fc.nat(5), ms: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ stopped: fc.nat(5), ms: fc.nat(60) }) },
)
type Happening = typeof happening extends fc.Arbitrary<infer Value> ? Value : never

const passing = new Set([
  'clock-moved-back',
  'too-many-ids',
  'lease-expired',
  'shutting-down',
  'workers-taken',
])

/** An error that a fleet may meet; any other one is thrown on. */
function passingOnly(error: unknown): void {
  if (!(error instanceof InturnError) || !passing.has(error.code)) throw error
}

class Story {
  readonly fleet: Fleet
  /** Processes whose ids did not rise. */
  fell: number = 0
  readonly #processes: Process[] = []
  readonly #last = new Map<Process, bigint>()

  constructor(seed: number) {
    this.fleet = new Fleet({ seed, leaseMs: 30 })
  }

  async tell(step: Happening): Promise<void> {
    const { fleet } = this
    if ('start' in step) await this.#start()
    else if ('close' in step) await this.#at(step.close)?.worker.close()
    else if ('storeClock' in step) fleet.storeMs += step.storeClock
    else if ('own' in step) await this.#at(step.own)?.timers.advance(step.ms)
    else if ('take' in step) this.#take(this.#at(step.take), step.count)
    else if ('pass' in step) {
      await fleet.pass(step.pass, ...this.#processes.filter((_, index) => (step.running >> index) % 2 === 1))
    } else {
      const process = this.#at(step.stopped)
      if (process !== undefined) process.timers.stoppedMs += step.ms
    }
  }

  async #start(): Promise<void> {
    if (this.#processes.length >= 6) return
    try {
      const options = { workers: 2, layout: { counterBits: 1 }, aheadMaxMs: 25 }
      this.#processes.push(await this.fleet.start(options))
    } catch (error) {
      passingOnly(error)
    }
  }

  #take(process: Process | undefined, count: number): void {
    if (process === undefined) return
    try {
      for (let left = count; left > 0; left--) {
        const id = process.ids.next()
        if (id <= (this.#last.get(process) ?? -1n)) this.fell++
        this.#last.set(process, id)
        this.fleet.given.push(id)
      }
    } catch (error) {
      passingOnly(error)
    }
  }

  #at(index: number): Process | undefined {
    return this.#processes[index % Math.max(1, this.#processes.length)]
  }
}

test('no id is given twice, whoever is paused and whatever any clock does (I5)', async () => {
  const story = fc.array(happening, { maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(story, fc.nat(), async (steps, seed) => {
      const told = new Story(seed)
      for (const step of steps) await told.tell(step)
      expect([told.fleet.givenTwice, told.fell]).toEqual([0, 0])
    }),
    { numRuns: 3_000 },
  )
})
