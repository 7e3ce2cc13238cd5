// Runs the real engine through one scenario on virtual time: a troubled phase, then a quiet one that lasts
// until nothing happens any more, then an orderly end. What happened is then held against the invariants.
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { checkAll } from './checks/check-all.ts'
import { pushesBack, shadowsOf } from './checks/check.ts'
import type { Mutation } from './mutation.ts'
import { longestWaitMs, scenarioOf } from './scenario.ts'
import type { Scenario } from './scenario.ts'
import { SimulatedWorld } from './simulated-world.ts'
import { WorkerProcess } from './worker-process.ts'

/** What a simulation has shown. */
export interface Simulated {
  readonly seed: number
  /** Each breach of an invariant, beginning with its number; empty when all were kept. */
  readonly breaches: readonly string[]
  readonly world: SimulatedWorld
}

/** People who act on the store beside the workers. */
export interface Operators {
  /** They undo what would keep streams standing still for ever, and act no more. */
  rest(): void
}

/** Virtual time in which the quiet phase has to come to rest. */
const quietMsMax = 600_000
const stopMsMax = 60_000
/** Claims that may be taken while nothing changes: what expired is looked at once more. */
const idleClaimsMax = 20

/** Runs the scenario of a seed, or a given one; with a mutation, of a system that is broken on purpose. */
export async function simulate(
  seed: number,
  options: {
    readonly mutation?: Mutation
    readonly scenario?: Scenario
    readonly operators?: (world: SimulatedWorld) => Operators
  } = {},
): Promise<Simulated> {
  const scenario = options.scenario ?? scenarioOf(seed)
  const world = new SimulatedWorld(scenario)
  world.hasOperators = options.operators !== undefined
  await world.store.open()
  const operators = options.operators?.(world)
  const processes = startAll(world, options.mutation ?? {})
  const outagesEndMs = Math.max(0, ...scenario.outages.map(({ atMs, ms }) => atMs + ms + 1_000))
  await world.timers.advance(Math.max(scenario.activeMs, outagesEndMs))
  world.isTroubled = false
  world.history.note({ kind: 'quiet' })
  for (const { copies } of world.consumers) copies.heal()
  operators?.rest()
  const unrest = await rest(world)
  for (const process of processes) process.stop()
  await world.timers.advance(stopMsMax)
  const unstopped = processes.filter(({ isDone }) => !isDone).length
  const breaches = [
    ...checkAll(world),
    ...unrest,
    ...(unstopped === 0 ? [] : [`I7: ${unstopped} workers do not stop`]),
  ]
  return { seed, breaches, world }
}

function startAll(world: SimulatedWorld, mutation: Mutation): readonly WorkerProcess[] {
  const { scenario, timers, consumers, random } = world
  const processes = consumers.flatMap((consumer) =>
    Array.from({ length: scenario.workers }, (_, index) => {
      const name = `${consumer.name}-w${index}`
      return new WorkerProcess({
        world,
        consumer,
        name,
        random: new SeededRandom(random.whole(0, 2 ** 31)),
        mutation,
      })
    }),
  )
  for (const process of processes) timers.after(random.whole(0, 500), () => process.start())
  for (const { atMs, ms } of scenario.outages) {
    timers.after(atMs, () => {
      world.downUntilMs = Math.max(world.downUntilMs, timers.elapsedMs() + ms)
      for (const process of processes) process.kill()
    })
  }
  for (const { atMs, ms } of scenario.jumps) timers.after(atMs, () => world.jump(ms))
  mutation.beside?.({ store: world.store, timers, consumers: consumers.map(({ name }) => name) })
  return processes
}

/**
 * Lets time pass until nothing has changed for as long as anything could still be due; says why it never
 * rests.
 */
async function rest(world: SimulatedWorld): Promise<readonly string[]> {
  const { timers, history } = world
  const untilMs = timers.elapsedMs() + quietMsMax
  const claims = (): number => history.of('claimed').length
  let seen = -1
  let sinceMs = 0
  let claimsBefore = 0
  while (timers.elapsedMs() < untilMs) {
    const changes = history.happenings.length - claims()
    if (changes !== seen) {
      seen = changes
      sinceMs = timers.elapsedMs()
      claimsBefore = claims()
    }
    if (timers.elapsedMs() - sinceMs >= longestWaitMs) {
      const idle = claims() - claimsBefore
      return idle <= idleClaimsMax
        ? []
        : [`I7: ${idle} claims were taken in ${longestWaitMs} ms, and nothing changed`]
    }
    await timers.advance(2_500)
  }
  const isFull = [...shadowsOf(world).values()].some((shadow) => pushesBack(world, shadow))
  return isFull ? [] : [`I7: after ${quietMsMax / 1_000} s without trouble there is still no rest`]
}
