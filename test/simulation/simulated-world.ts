// What all workers of a simulation share, and what outlives them: time, the store's data, the transports,
// and the record of what happened.
import { fingerprint } from '../../src/core/fingerprint.ts'
import type { MemoryStore } from '../../src/stores/memory.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { VirtualTimers } from '../../src/testing/virtual-timers.ts'
import type { Copy } from './broker.ts'
import { ExternalSystem } from './effect-logs.ts'
import { History } from './history.ts'
import type { Arrivals, Produced } from './produced.ts'
import { planArrivals, produceAll } from './producers.ts'
import { ReadingTime } from './reading-time.ts'
import type { Scenario } from './scenario.ts'
import { SimulatedLog } from './simulated-log.ts'
import { SimulatedQueue } from './simulated-queue.ts'
import { TransactionQueue } from './transactional-store.ts'

/** When a simulation begins by the store's clock, in milliseconds since 1970. */
const epochMs = 1_700_000_000_000

/** One consumer's part of the world. */
export interface ConsumerWorld {
  readonly name: string
  readonly arrivals: readonly Arrivals[]
  readonly copies: SimulatedLog | SimulatedQueue
  readonly reading: ReadingTime
  readonly bulkFailures: Map<number, number>
}

/** The world of one simulation. */
export class SimulatedWorld {
  readonly scenario: Scenario
  readonly random: SeededRandom
  readonly timers: VirtualTimers = new VirtualTimers()
  readonly store: MemoryStore
  readonly produced: readonly Produced[]
  /** What healers can find. */
  readonly archived: ReadonlySet<Produced>
  readonly history: History
  readonly external: ExternalSystem
  readonly transactions: TransactionQueue = new TransactionQueue()
  readonly consumers: readonly ConsumerWorld[]
  /** Whether somebody acts on the store beside the workers. */
  hasOperators = false
  /** Whether things still go wrong. */
  isTroubled = true
  /** No worker runs before then, in elapsed milliseconds. */
  downUntilMs = 0
  #jumpedMs = 0

  constructor(scenario: Scenario) {
    this.scenario = scenario
    this.random = new SeededRandom(scenario.seed ^ 0x5eed)
    this.store = memoryStore({ now: () => this.now(), timers: this.timers })
    this.produced = produceAll(scenario, this.random.fork())
    this.archived = archive(scenario, this.produced)
    this.history = new History(
      () => this.timers.elapsedMs(),
      (consumer) => this.consumers.find(({ name }) => name === consumer)?.reading.totalMs ?? 0,
    )
    this.external = new ExternalSystem(this.history)
    this.consumers = Array.from({ length: scenario.consumers }, (_, index) => this.#consumer(`c${index}`))
  }

  /** The store's clock. */
  now(): number {
    return epochMs + this.timers.elapsedMs() + this.#jumpedMs
  }

  /** The store's clock goes forward. */
  jump(ms: number): void {
    for (const { reading } of this.consumers) reading.beforeJump(ms)
    this.#jumpedMs += ms
    this.history.note({ kind: 'jumped', ms })
  }

  #consumer(name: string): ConsumerWorld {
    const { scenario, produced, timers, history } = this
    const random = this.random.fork()
    const arrivals = planArrivals(scenario, produced, random)
    const common = {
      elapsedMs: () => timers.elapsedMs(),
      onAvailable: (copy: Copy) => {
        history.note({ kind: 'available', consumer: name, produced: copy.produced })
      },
    }
    const byStream = random.chance(0.5)
    const partitionOf = ({ produced: { path, uid } }: Copy): number => (byStream ? fingerprint(path) : uid)
    const { partitions, visibilityMs } = scenario
    const copies =
      scenario.transport === 'queue'
        ? new SimulatedQueue(arrivals, { ...common, visibilityMs })
        : new SimulatedLog(arrivals, { ...common, sessionMs: visibilityMs, partitions, partitionOf })
    const reading = new ReadingTime(() => this.now())
    return { name, arrivals, copies, reading, bulkFailures: new Map() }
  }
}

/** Drawn apart, like healing itself. */
function archive({ seed, domains }: Scenario, produced: readonly Produced[]): ReadonlySet<Produced> {
  const random = new SeededRandom(seed ^ 0xa2c1)
  const chances = new Map(domains.map(({ name, healing }) => [name, healing?.archivedChance ?? 0]))
  return new Set(produced.filter(({ domain }) => random.chance(chances.get(domain) ?? 0)))
}
