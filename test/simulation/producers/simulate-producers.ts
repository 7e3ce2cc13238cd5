// Runs the whole way of an event from a seed, on virtual time: producers, log, relays, topic, workers, and
// what goes wrong with each of them; then a quiet phase until everything is done, and the checks.
import { streamPath } from '../../../src/core/stream-path.ts'
import { appendingProgram, appendLast } from './appending-program.ts'
import { relayingProgram, workingProgram } from './consuming-programs.ts'
import { MortalProcess } from './mortal-process.ts'
import { fillingProgram, numberingProgram, orders } from './numbering-programs.ts'
import { checkProducers } from './producer-checks.ts'
import type { ProducerMutation } from './producer-mutation.ts'
import type { ProducerScenario } from './producer-scenario.ts'
import { producerScenarioOf } from './producer-scenario.ts'
import { ProducerWorld } from './producer-world.ts'

/** What a simulation has shown. */
export interface SimulatedProducers {
  readonly seed: number
  readonly scenario: ProducerScenario
  /** Each breach of an invariant; empty when all were kept. */
  readonly breaches: readonly string[]
  /** What happened, one line each. */
  readonly lines: readonly string[]
}

const quietMsMax = 300_000
const stopMsMax = 20_000

/** Runs the scenario of a seed; with a mutation, of a system that is broken on purpose. */
export async function simulateProducers(
  seed: number,
  mutation: ProducerMutation = {},
): Promise<SimulatedProducers> {
  const scenario = producerScenarioOf(seed)
  const world = new ProducerWorld(scenario, mutation)
  const { timers } = world
  await world.store.open()
  const producing = producersOf(world)
  const sending = sendersOf(world)
  const working = workersOf(world)
  for (const process of [...producing, ...sending, ...working]) {
    timers.after(world.random.whole(0, 500), () => process.start())
  }
  keepTrimming(world)
  startLate(world, working)
  await timers.advance(scenario.activeMs)
  world.isTroubled = false
  world.note('from here on nothing goes wrong')
  const unrest = await rest(world, producing)
  // Relays first: what they send once more is still to be settled.
  const unstopped = [...(await stopAll(world, sending)), ...(await stopAll(world, working))]
  const breaches = [...(await checkProducers(world)), ...unrest, ...unstopped]
  return { seed, scenario, breaches, lines: world.lines }
}

/** What a seed stands for, what it broke, and what happened. */
export function traceOfProducers(simulated: SimulatedProducers, linesMax = 80): string {
  const { seed, scenario, breaches, lines } = simulated
  return [
    `seed ${seed} breaks ${breaches.length === 0 ? 'nothing' : 'these invariants'}:`,
    ...breaches.slice(0, 20).map((breach) => `  ${breach}`),
    `reproduce: npm run sim -- --producers --seed ${seed}`,
    `  ${JSON.stringify(scenario)}`,
    ...(lines.length > linesMax ? [`(the last ${linesMax} of ${lines.length} lines)`] : []),
    ...lines.slice(-linesMax),
  ].join('\n')
}

function producersOf(world: ProducerWorld): readonly MortalProcess[] {
  const { appenders, numberers } = world.scenario
  return [
    ...many(
      appenders,
      (index) => new MortalProcess(world, `a${index}`, appendingProgram(world, `a${index}`)),
    ),
    ...many(
      numberers,
      (index) => new MortalProcess(world, `n${index}`, numberingProgram(world, `n${index}`)),
    ),
  ]
}

function sendersOf(world: ProducerWorld): readonly MortalProcess[] {
  const { relays } = world.scenario
  return [
    new MortalProcess(world, 'fills', fillingProgram(world)),
    ...many(relays, (index) => new MortalProcess(world, `r${index}`, relayingProgram(world))),
  ]
}

function workersOf(world: ProducerWorld): MortalProcess[] {
  const { workers } = world.scenario
  return [
    ...many(workers, (index) => new MortalProcess(world, `b${index}`, workingProgram(world, 'billing'))),
    ...many(workers, (index) => new MortalProcess(world, `d${index}`, workingProgram(world, 'direct'))),
  ]
}

/** Lets processes end by themselves; says which do not. */
async function stopAll(
  world: ProducerWorld,
  processes: readonly MortalProcess[],
): Promise<readonly string[]> {
  for (const process of processes) process.stop()
  await world.timers.advance(stopMsMax)
  return processes.filter(({ isDone }) => !isDone).map(({ name }) => `I7: ${name} does not stop`)
}

/** A consumer begins that finds only what retention has left. */
function startLate(world: ProducerWorld, working: MortalProcess[]): void {
  world.timers.after(world.scenario.lateAtMs, () => {
    world.lateAfter = world.archived.length
    world.note(`the late consumer begins behind place ${world.lateAfter}`)
    const process = new MortalProcess(world, 'late', workingProgram(world, 'late'))
    working.push(process)
    process.start()
  })
}

/** Removes what nobody needs any more, every now and then. */
function keepTrimming(world: ProducerWorld): void {
  const { timers, log, scenario } = world
  const trim = async (): Promise<void> => {
    await world.follow()
    const before = await world.removableBefore()
    if (!scenario.hasRetention || before <= 1) return
    await log.trim({ before, archive: async (events) => void world.archived.push(...events) })
  }
  const again = (): void => {
    timers.after(1_000, again)
    trim().catch((error: unknown) => world.crashed('retention', error))
  }
  again()
}

/** Lets time pass until everything is done; says what never is. */
async function rest(world: ProducerWorld, producing: readonly MortalProcess[]): Promise<readonly string[]> {
  const { timers } = world
  const untilMs = timers.elapsedMs() + quietMsMax
  const waitFor = async (holds: () => Promise<boolean>): Promise<boolean> => {
    while (timers.elapsedMs() < untilMs) {
      if (await holds()) return true
      await timers.advance(1_000)
    }
    return false
  }
  if (!(await waitFor(async () => producing.every(({ isDone }) => isDone)))) {
    return [
      `I7: producers do not end: ${producing
        .filter((one) => !one.isDone)
        .map(({ name }) => name)
        .join(' ')}`,
    ]
  }
  await appendLast(world)
  if (await waitFor(() => isAllDone(world))) return []
  return [`I3: ${quietMsMax / 1_000} s without trouble, and not everything is done`]
}

async function isAllDone(world: ProducerWorld): Promise<boolean> {
  await world.follow()
  const isEach = world.whole.every((event) =>
    (['billing', 'direct', 'late'] as const).every((consumer) => world.isDone(consumer, event)),
  )
  if (!isEach || world.topic.unsettled > 0 || world.lateAfter === undefined) return false
  for (const stream of ['o1', 'o2']) {
    const last = await world.sequences.last({ domain: orders, stream })
    const stored = await world.store.reader.stream('billing', streamPath(orders, stream))
    if ((stored?.state.position ?? 0) !== last) return false
  }
  return world.isSent()
}

function many(count: number, make: (index: number) => MortalProcess): readonly MortalProcess[] {
  return Array.from({ length: count }, (_, index) => make(index))
}
