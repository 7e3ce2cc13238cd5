// The whole way of an event on virtual time: producers race, retry and die, relays compete, a topic doubles
// and drops, workers of three consumers do what they do. Whatever was appended has its effect, once and in
// order (I1 to I5, I7, I10).
import { expect, test } from 'vitest'
import { simulateProducers, traceOfProducers } from './producers/simulate-producers.ts'

const seedsATest = 50
const [from, count] = [1, 150]

async function whatBreaks(seed: number): Promise<string> {
  const simulated = await simulateProducers(seed)
  return simulated.breaches.length === 0 ? '' : traceOfProducers(simulated)
}

for (let first = from; first < from + count; first += seedsATest) {
  const last = first + seedsATest - 1
  test(`seeds ${first} to ${last} break no invariant from the log to the effects`, async () => {
    for (let seed = first; seed <= last; seed++) expect(await whatBreaks(seed)).toBe('')
  })
}

test('seed 233: retention at work while a relay begins ended the relay', async () => {
  expect(await whatBreaks(233)).toBe('')
})

test('the same seed does the same, to the last line', async () => {
  const [first, second] = [await simulateProducers(11), await simulateProducers(11)]
  expect(second.lines).toEqual(first.lines)
  expect(first.lines.length).toBeGreaterThan(50)
})
