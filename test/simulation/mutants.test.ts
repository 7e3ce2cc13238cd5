// The simulator notices systems that are broken on purpose, each within as many seeds as every test run goes
// through.
import { expect, test } from 'vitest'
import { mutants } from './mutants.ts'
import { simulate } from './simulate.ts'

const seedsMax = 1_000

for (const { name, breaks, mutation, seed: first = 1 } of mutants) {
  test(`a system that ${name} is noticed`, async () => {
    let noticed: readonly string[] = []
    for (let seed = first; seed < first + seedsMax && noticed.length === 0; seed++) {
      const { breaches } = await simulate(seed, { mutation })
      noticed = breaches.filter((breach) => breaks.some((invariant) => breach.startsWith(`${invariant}:`)))
    }
    expect(noticed).not.toEqual([])
  })
}
