// The real engine on virtual time, with operators who act on its streams at any moment: the invariants hold,
// and in the end the books balance.
import { expect, test } from 'vitest'
import { verifyConsumer } from '../../src/operate/verify.ts'
import { scenarioOf } from './scenario.ts'
import { simulate } from './simulate.ts'
import { knownDomains, simulatedOperators } from './simulated-operators.ts'
import { traceOf } from './trace.ts'

const seedsATest = 50

async function whatBreaks(seed: number): Promise<string> {
  // What an operator did goes on by the sweep.
  if (scenarioOf(seed).isSweepOff) return ''
  const simulated = await simulate(seed, { operators: simulatedOperators })
  const { store, consumers } = simulated.world
  const breaches = [...simulated.breaches]
  for (const { name: consumer } of consumers) {
    const { imbalances } = await verifyConsumer(
      { consumer, reader: store.reader },
      knownDomains(simulated.world.scenario),
    )
    breaches.push(
      ...imbalances.map((imbalance) => `I3: ${consumer} ${imbalance.stream}: ${JSON.stringify(imbalance)}`),
    )
  }
  return breaches.length === 0 ? '' : traceOf({ ...simulated, breaches })
}

const [from, count] = [1, 200]

for (let first = from; first < from + count; first += seedsATest) {
  test(`seeds ${first} to ${first + seedsATest - 1} break no invariant while operators act`, async () => {
    for (let seed = first; seed < first + seedsATest; seed++) expect(await whatBreaks(seed)).toBe('')
  })
}
