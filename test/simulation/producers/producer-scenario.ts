// What a seed stands for when the whole way of an event is simulated: who produces, who relays, who consumes,
// and everything that goes wrong in between.
import { SeededRandom } from '../../../src/testing/seeded-random.ts'

/** How often each kind of trouble comes, per call of a port. */
interface Troubles {
  readonly failBefore: number
  readonly failAfter: number
  readonly delay: number
  readonly death: number
  readonly stall: number
}

/** Everything that a seed decides. */
export interface ProducerScenario {
  readonly seed: number
  readonly streams: number
  /** Processes that append to the log, and how many batches each. */
  readonly appenders: number
  readonly batches: number
  /** Processes that number events by a sequencer, and how many each. */
  readonly numberers: number
  readonly bookings: number
  readonly relays: number
  readonly shards: number
  readonly relayBatch: number
  readonly leaseMs: number
  /** Workers of the consumer of the topic, and of the one that reads the log. */
  readonly workers: number
  readonly effects: 'transaction' | 'external'
  readonly batch: number
  readonly claimMs: number
  readonly visibilityMs: number
  readonly troubles: Troubles
  /** Of a message at the topic: it comes twice, or not at all. */
  readonly doubleChance: number
  readonly dropChance: number
  /** How far messages are moved apart, in milliseconds. */
  readonly jitterMs: number
  readonly hasRetention: boolean
  /** When a consumer begins that comes later than the others, in elapsed milliseconds. */
  readonly lateAtMs: number
  readonly activeMs: number
}

const calm: Troubles = { failBefore: 0, failAfter: 0, delay: 0.05, death: 0, stall: 0 }

/** The scenario of a seed. */
export function producerScenarioOf(seed: number): ProducerScenario {
  const random = new SeededRandom(seed ^ 0x9d0d)
  const activeMs = random.whole(10_000, 40_000)
  return {
    seed,
    streams: random.whole(1, 5),
    appenders: random.whole(1, 4),
    batches: random.whole(3, 25),
    numberers: random.whole(1, 3),
    bookings: random.whole(3, 20),
    relays: random.whole(1, 3),
    shards: random.pick([1, 1, 2, 3]),
    relayBatch: random.pick([1, 3, 20, 500]),
    leaseMs: random.pick([500, 2_000]),
    workers: random.pick([1, 1, 2, 3]),
    effects: random.pick(['transaction', 'external']),
    batch: random.pick([1, 4, 50]),
    claimMs: random.pick([1_000, 4_000]),
    visibilityMs: random.pick([1_500, 8_000]),
    troubles: random.chance(0.1) ? calm : drawTroubles(random),
    doubleChance: random.pick([0, 0.1, 0.3]),
    dropChance: random.pick([0, 0, 0.05, 0.2]),
    jitterMs: random.pick([0, 50, 500, 3_000]),
    hasRetention: random.chance(0.6),
    lateAtMs: random.whole(1_000, activeMs),
    activeMs,
  }
}

function drawTroubles(random: SeededRandom): Troubles {
  const rate = random.pick([0.005, 0.02, 0.05])
  const of = (chance: number): number => (random.chance(chance) ? rate : 0)
  return {
    failBefore: of(0.7),
    failAfter: of(0.8),
    delay: random.pick([0, 0.05, 0.3]),
    death: of(0.8) / 2,
    stall: of(0.4) / 5,
  }
}
