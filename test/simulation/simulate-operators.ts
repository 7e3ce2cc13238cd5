// Simulates a seed with operators who act on its streams at any moment; in the end the books have to balance.
import { verifyConsumer } from '../../src/operate/verify.ts'
import { scenarioOf } from './scenario.ts'
import type { Simulated } from './simulate.ts'
import { simulate } from './simulate.ts'
import { knownDomains, simulatedOperators } from './simulated-operators.ts'

/** What came of a seed; nothing where its workers do not sweep: what an operator did goes on by the sweep. */
export async function simulateOperators(seed: number): Promise<Simulated | undefined> {
  if (scenarioOf(seed).isSweepOff) return undefined
  const simulated = await simulate(seed, { operators: simulatedOperators })
  const { store, consumers, scenario } = simulated.world
  const breaches = [...simulated.breaches]
  for (const { name: consumer } of consumers) {
    const { imbalances } = await verifyConsumer({ consumer, reader: store.reader }, knownDomains(scenario))
    breaches.push(
      ...imbalances.map((imbalance) => `I3: ${consumer} ${imbalance.stream}: ${JSON.stringify(imbalance)}`),
    )
  }
  return { ...simulated, breaches }
}
