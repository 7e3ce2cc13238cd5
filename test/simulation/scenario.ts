// What a seed stands for: the domains and their policies, the workers, the transport, and everything that
// goes wrong.
import { contiguous, increasing, linked, unordered } from '../../src/core/numbering.ts'
import type { Numbering } from '../../src/core/numbering.ts'
import type { GapEnd } from '../../src/core/rules.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'

/** One domain of a simulation. */
export interface DomainScenario {
  readonly name: string
  readonly numbering: Numbering
  readonly effects: 'transaction' | 'external'
  readonly isBulk: boolean
  readonly patienceMs: number
  readonly gapEnd: GapEnd
  readonly attempts: number
  readonly failureThen: 'halt' | 'dead-letter'
  readonly heldMax: number
  readonly handedOverMax: number
  readonly conflictMemory: number
  readonly streams: number
  readonly events: number
  /** Of an event: never comes, comes only when the quiet phase begins, fails always, fails at first. */
  readonly lostChance: number
  readonly keptBackChance: number
  readonly poisonChance: number
  readonly failChance: number
  /** Of an event: its data does not fit its schema. */
  readonly refusedChance: number
  /** Of an event: its handler kills the worker. */
  readonly deadlyChance: number
  /** Of every so many events one has a handler that fails where others are called at once with it. */
  readonly meetsEvery?: number
  /** How missing numbers are asked for; absent: not at all. */
  readonly healing?: {
    readonly afterMs: number
    readonly attempts: number
    readonly timeoutMs: number
    /** Of an event: the healer can find it. */
    readonly archivedChance: number
    /** Of an answer: it comes too late, not at all, or with what was not asked for. */
    readonly badAnswerChance: number
  }
}

/** How often each kind of trouble comes, per call of a port. */
interface Troubles {
  readonly storeBefore: number
  readonly storeAfter: number
  readonly storeDelay: number
  readonly sourceBefore: number
  readonly sourceAfter: number
  readonly death: number
  /** A worker stands still, and its claims run out. */
  readonly stall: number
}

/** Everything that a seed decides. */
export interface Scenario {
  readonly seed: number
  /** `push`: a processor in somebody else's consumer. `pull`: a worker. */
  readonly style: 'push' | 'pull'
  /** Nobody sweeps; then nothing fails either, and all must come in turn by itself. */
  readonly isSweepOff: boolean
  readonly durable: boolean
  readonly consumers: number
  readonly workers: number
  readonly transport: 'log' | 'queue'
  readonly partitions: number
  readonly domains: readonly DomainScenario[]
  readonly troubles: Troubles
  readonly doubleChance: number
  /** How far copies are moved apart, in milliseconds. */
  readonly jitterMs: number
  /** All workers are down. */
  readonly outages: readonly { readonly atMs: number; readonly ms: number }[]
  /** The store's clock goes forward. */
  readonly jumps: readonly { readonly atMs: number; readonly ms: number }[]
  readonly activeMs: number
  readonly claimMs: number
  readonly batch: number
  readonly lookAheadMax: number
  /** How many transactions a worker has side by side. */
  readonly transactionsMax: number
  readonly refusePatienceMs: number
  readonly visibilityMs: number
  /** It is one of those of crowded.ts. */
  readonly isCrowded?: true
}

const calm: Troubles = {
  storeBefore: 0,
  storeAfter: 0,
  storeDelay: 0.05,
  sourceBefore: 0,
  sourceAfter: 0,
  death: 0,
  stall: 0,
}

/** The longest wait in any scenario after which something may still happen by itself, in milliseconds. */
export const longestWaitMs = 25_000

/** The scenario of a seed. */
export function scenarioOf(seed: number): Scenario {
  const random = new SeededRandom(seed)
  const isSweepOff = random.chance(0.15)
  const durable = isSweepOff || random.chance(0.92)
  const isCalm = isSweepOff || !durable || random.chance(0.15)
  const style = isSweepOff || (durable && random.chance(0.25)) ? 'push' : 'pull'
  const activeMs = random.whole(15_000, 45_000)
  const within = (): number => random.whole(1_000, activeMs)
  const domains = drawDomains(random, { isSweepOff, isCalm, isPush: style === 'push' })
  const scenario: Scenario = {
    seed,
    style,
    isSweepOff,
    durable,
    consumers: random.chance(0.25) ? 2 : 1,
    workers: durable ? random.pick([1, 2, 2, 3]) : 1,
    transport: random.pick(['log', 'queue']),
    partitions: random.whole(1, 3),
    domains: isSweepOff ? domains : drawRefusals(seed, drawHealing(seed, domains)),
    troubles: isCalm ? calm : drawTroubles(random),
    doubleChance: random.pick([0, 0.1, 0.3]),
    jitterMs: random.pick([0, 50, 500, 3_000]),
    outages: isCalm || random.chance(0.6) ? [] : [{ atMs: within(), ms: random.whole(6_000, 300_000) }],
    jumps:
      isCalm || random.chance(0.7)
        ? []
        : Array.from({ length: random.whole(1, 3) }, () => ({
            atMs: within(),
            ms: random.whole(100, 3_600_000),
          })),
    activeMs,
    claimMs: random.pick([2_000, 6_000]),
    batch: random.pick([1, 3, 10, 50]),
    lookAheadMax: random.pick([2, 20, 1_000]),
    transactionsMax: 1 + (seed % 3),
    refusePatienceMs: random.pick([500, 4_000]),
    // With a store that is not durable a queue must not take back what is held in memory.
    visibilityMs: durable ? random.pick([1_500, 8_000]) : 1e9,
  }
  return isCalm ? scenario : drawDeadly(scenario)
}

/**
 * Drawn apart: in some scenarios nothing goes wrong but that handlers end their workers. Then it is known
 * which events may be blamed, and all others have to be delivered.
 */
function drawDeadly(scenario: Scenario): Scenario {
  const random = new SeededRandom(scenario.seed ^ 0xdea2)
  if (!random.chance(0.12)) return scenario
  const domains = scenario.domains.map((domain) => ({
    ...domain,
    effects: random.chance(0.7) ? ('transaction' as const) : domain.effects,
    streams: domain.streams + random.whole(0, 4),
    deadlyChance: random.pick([0.02, 0.1]),
  }))
  return { ...scenario, domains, troubles: calm, outages: [], jumps: [] }
}

function drawTroubles(random: SeededRandom): Troubles {
  const rate = random.pick([0.002, 0.01, 0.03])
  const of = (chance: number): number => (random.chance(chance) ? rate : 0)
  return {
    storeBefore: of(0.6),
    storeAfter: of(0.6),
    storeDelay: random.pick([0, 0.05, 0.3]),
    sourceBefore: of(0.5),
    sourceAfter: of(0.5),
    death: of(0.7) / 2,
    stall: of(0.3) / 5,
  }
}

function drawDomains(
  random: SeededRandom,
  kind: { readonly isSweepOff: boolean; readonly isCalm: boolean; readonly isPush: boolean },
): readonly DomainScenario[] {
  const drawn = Array.from({ length: random.whole(1, 4) }, (_, index) =>
    drawDomain(random, index, kind.isCalm),
  )
  // Nobody but a worker puts refused events aside, so with a processor a full stream would be offered them
  // for ever.
  const roomy = drawn.map((domain) =>
    kind.isPush ? { ...domain, heldMax: 1_000, handedOverMax: 10_000 } : domain,
  )
  if (!kind.isSweepOff) return roomy
  // Retries and the ends of gaps come from the sweep, so a scenario without it has neither.
  return roomy.map((domain) => ({ ...domain, gapEnd: 'wait', poisonChance: 0, failChance: 0 }))
}

/** Drawn apart from all else, so that seeds from before there was healing stand for what they stood for. */
function drawHealing(seed: number, domains: readonly DomainScenario[]): readonly DomainScenario[] {
  const random = new SeededRandom(seed ^ 0x4ea1)
  return domains.map((domain) => {
    const { kind } = domain.numbering
    if ((kind !== 'contiguous' && kind !== 'linked') || !random.chance(0.4)) return domain
    const healing = {
      afterMs: random.pick([0, 500, 3_000]),
      attempts: random.whole(1, 4),
      timeoutMs: random.pick([300, 2_000]),
      archivedChance: random.pick([0.5, 1]),
      badAnswerChance: random.pick([0, 0.3, 0.7]),
    }
    return { ...domain, healing }
  })
}

/** Drawn apart too. */
function drawRefusals(seed: number, domains: readonly DomainScenario[]): readonly DomainScenario[] {
  const random = new SeededRandom(seed ^ 0x5c4e)
  return domains.map((domain) =>
    random.chance(0.2) ? { ...domain, refusedChance: random.pick([0.01, 0.1]) } : domain,
  )
}

function drawDomain(random: SeededRandom, index: number, isCalm: boolean): DomainScenario {
  const numbering = drawNumbering(random)
  const isTracked = numbering.kind !== 'unordered'
  const hasFailures = random.chance(0.4)
  return {
    name: `${numbering.kind}_${index}`,
    refusedChance: 0,
    numbering,
    effects: random.pick(['transaction', 'external']),
    isBulk: random.chance(0.15),
    patienceMs: random.pick([6_000, 12_000]),
    gapEnd: random.pick(['wait', 'skip', 'halt']),
    attempts: random.whole(1, 4),
    failureThen: isTracked ? random.pick(['halt', 'dead-letter']) : 'dead-letter',
    heldMax: random.pick([2, 8, 1_000, 1_000]),
    handedOverMax: random.pick([3, 10_000, 10_000]),
    conflictMemory: random.pick([0, 2, 16, 16]),
    streams: random.whole(1, 4),
    events: random.whole(3, 25),
    lostChance: random.pick([0, 0, 0.03, 0.1]),
    keptBackChance: random.pick([0, 0, 0.05]),
    poisonChance: hasFailures ? random.pick([0, 0.03]) : 0,
    failChance: hasFailures ? 0.1 : 0,
    deadlyChance: isCalm ? 0 : random.pick([0, 0, 0, 0.02]),
  }
}

function drawNumbering(random: SeededRandom): Numbering {
  return random.pick([
    contiguous(),
    contiguous(),
    contiguous(),
    contiguous({ start: 0 }),
    contiguous({ start: -2 }),
    contiguous({ start: 'first-seen' }),
    contiguous({ start: 65_530, modulus: 65_536 }),
    linked(),
    increasing(),
    unordered(),
    unordered({ idWindow: { ids: 10_000, ms: 86_400_000 } }),
  ])
}
