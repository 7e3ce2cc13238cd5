// Scenarios in which transactions are full and side by side: many streams of several domains, a store that is
// slow and fails, and handlers that fail only where others are called at once with them. In those of
// scenario.ts a transaction has a stream or two. In every second one all arrives in order: there nothing may
// be late.
import { contiguous, increasing } from '../../src/core/numbering.ts'
import type { Numbering } from '../../src/core/numbering.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { DomainScenario, Scenario } from './scenario.ts'
import { scenarioOf } from './scenario.ts'
import type { Simulated } from './simulate.ts'
import { simulate } from './simulate.ts'

/** Runs the crowded scenario of a seed. */
export async function simulateCrowded(seed: number): Promise<Simulated> {
  const simulated = await simulate(seed, { scenario: crowdedScenarioOf(seed) })
  if (!isOrderly(seed)) return simulated
  const letters = await simulated.world.store.reader.deadLetters('c0', { limit: 1_000 })
  const late = letters.filter(({ reason }) => reason === 'late')
  const told = late.map(({ stream, sequence }) => `I1: c0 ${stream}: ${sequence} is late, and came in order`)
  return { ...simulated, breaches: [...simulated.breaches, ...told] }
}

function isOrderly(seed: number): boolean {
  return seed % 2 === 0
}

function crowdedScenarioOf(seed: number): Scenario {
  const random = new SeededRandom(seed ^ 0xc20d)
  const failing = random.pick([0, 0.01])
  const scenario: Scenario = {
    ...scenarioOf(seed),
    isCrowded: true,
    style: 'pull',
    isSweepOff: false,
    durable: true,
    consumers: 1,
    workers: random.pick([1, 1, 2]),
    domains: [0, 1, 2].map((index) => crowdedDomain(random, index)),
    troubles: {
      storeBefore: failing,
      storeAfter: failing,
      storeDelay: random.pick([0.3, 0.6]),
      sourceBefore: 0,
      sourceAfter: 0,
      death: random.pick([0, 0.003]),
      stall: 0,
    },
    doubleChance: 0.1,
    jitterMs: random.pick([0, 500]),
    outages: [],
    jumps: [],
    activeMs: random.pick([1_500, 4_000]),
    batch: random.pick([4, 10, 50]),
    transactionsMax: random.pick([2, 2, 3]),
    lookAheadMax: 1_000,
    visibilityMs: random.pick([1_500, 8_000]),
  }
  if (!isOrderly(seed)) return scenario
  const inOrder = { transport: 'log', workers: 1, partitions: 1, doubleChance: 0, jitterMs: 0 } as const
  return { ...scenario, ...inOrder, troubles: { ...scenario.troubles, storeBefore: 0.05, death: 0 } }
}

function crowdedDomain(random: SeededRandom, index: number): DomainScenario {
  const numbering = random.pick<Numbering>([contiguous(), increasing()])
  return {
    name: `${numbering.kind}_${index}`,
    numbering,
    effects: index === 2 && random.chance(0.5) ? 'external' : 'transaction',
    isBulk: index === 1 && random.chance(0.3),
    patienceMs: 6_000,
    gapEnd: 'wait',
    attempts: 4,
    failureThen: random.pick(['halt', 'dead-letter']),
    heldMax: 1_000,
    handedOverMax: 10_000,
    conflictMemory: 16,
    streams: random.whole(3, 8),
    events: random.whole(3, 10),
    lostChance: 0,
    keptBackChance: 0,
    poisonChance: 0,
    failChance: random.pick([0, 0, 0.05]),
    refusedChance: random.pick([0, 0, 0.05]),
    deadlyChance: 0,
    meetsEvery: random.pick([5, 20, 60]),
  }
}
