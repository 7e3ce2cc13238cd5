// One test for each fifty seeds; a seed that breaks an invariant shows how to reproduce it, and what
// happened.
import { expect, test } from 'vitest'
import { simulate } from './simulate.ts'
import { traceOf } from './trace.ts'

const seedsATest = 50

/** Runs `count` seeds, beginning with `from`. */
export function runSeeds(from: number, count: number): void {
  for (let first = from; first < from + count; first += seedsATest) {
    const last = Math.min(first + seedsATest, from + count) - 1
    test(`seeds ${first} to ${last} break no invariant`, async () => {
      for (let seed = first; seed <= last; seed++) expect(await whatBreaks(seed)).toBe('')
    })
  }
}

/** The trace of a seed that breaks an invariant; empty for one that breaks none. */
export async function whatBreaks(seed: number): Promise<string> {
  const simulated = await simulate(seed)
  return simulated.breaches.length === 0 ? '' : traceOf(simulated)
}
