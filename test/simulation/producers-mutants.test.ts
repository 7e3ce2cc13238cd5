// The simulation of producers notices systems that are broken on purpose, each within the seeds that every
// test run goes through.
import { expect, test } from 'vitest'
import { producerMutants } from './producers/producer-mutants.ts'
import { simulateProducers } from './producers/simulate-producers.ts'

const seedsMax = 150

for (const { name, breaks, mutation } of producerMutants) {
  test(`a system that ${name} is noticed`, async () => {
    let noticed: readonly string[] = []
    for (let seed = 1; seed <= seedsMax && noticed.length === 0; seed++) {
      const { breaches } = await simulateProducers(seed, mutation)
      noticed = breaches.filter((breach) => breaks.some((start) => breach.startsWith(start)))
    }
    expect(noticed).not.toEqual([])
  })
}
