// Processes that lease worker ids from one store in memory, each with time of its own, and their generators.
import type { Store } from '../../../../src/ports/store.ts'
import type { Random } from '../../../../src/ports/timers.ts'
import type { LeasedWorker } from '../../../../src/producer/snowflake/leased-worker.ts'
import { leasedWorker } from '../../../../src/producer/snowflake/leased-worker.ts'
import type { Snowflake, SnowflakeOptions } from '../../../../src/producer/snowflake/snowflake.ts'
import { snowflake } from '../../../../src/producer/snowflake/snowflake.ts'
import type { MemoryStore } from '../../../../src/stores/memory.ts'
import { memoryStore } from '../../../../src/stores/memory.ts'
import { SeededRandom } from '../../../../src/testing/seeded-random.ts'
import { VirtualTimers } from '../../../../src/testing/virtual-timers.ts'

export const start = 1_700_000_000_000
export const leaseMs = 30_000

/** The error that a call throws; `undefined` when it throws none. */
export function failureOf(call: () => unknown): unknown {
  try {
    call()
    return undefined
  } catch (error) {
    return error
  }
}

/** The time of one process. While it is stopped its time may go on, and yet nothing of it runs. */
class OwnTimers extends VirtualTimers {
  stoppedMs: number = 0

  override elapsedMs(): number {
    return super.elapsedMs() + this.stoppedMs
  }
}

/** A process with one generator. */
export interface Process {
  readonly timers: OwnTimers
  readonly worker: LeasedWorker
  readonly ids: Snowflake
}

/** Processes over one store, whose clock is set by the test. */
export class Fleet {
  storeMs: number = start
  readonly store: MemoryStore = memoryStore({ now: () => this.storeMs })
  readonly given: bigint[] = []
  readonly #random: Random
  readonly #leaseMs: number

  constructor(options: { readonly seed?: number; readonly leaseMs?: number } = {}) {
    this.#random = new SeededRandom(options.seed ?? 1)
    this.#leaseMs = options.leaseMs ?? leaseMs
  }

  async start(
    options: { readonly workers?: number; readonly store?: Store } & Partial<SnowflakeOptions> = {},
  ): Promise<Process> {
    await this.store.open()
    const { workers = 1, store = this.store, ...others } = options
    const timers = new OwnTimers()
    const worker = await leasedWorker({
      store,
      workers,
      leaseMs: this.#leaseMs,
      timers,
      random: this.#random,
    })
    return { timers, worker, ids: snowflake({ timers, ...others, worker }) }
  }

  /** Time passes for the store and for the processes that run. */
  async pass(ms: number, ...running: readonly Process[]): Promise<void> {
    this.storeMs += ms
    for (const { timers } of running) await timers.advance(ms)
  }

  take({ ids }: Process, count = 1): void {
    for (let left = count; left > 0; left--) this.given.push(ids.next())
  }

  /** How many ids were given more than once. */
  get givenTwice(): number {
    return this.given.length - new Set(this.given).size
  }
}
