// The real engine on virtual time keeps I1 to I8 and I10 in the first half of the seeds, and in those that
// once failed.
import { describe, expect, test } from 'vitest'
import { regressionSeeds } from './regression-seeds.ts'
import { runSeeds, whatBreaks } from './run-seeds.ts'

describe('what was once wrong stays right', () => {
  for (const [seed, what] of regressionSeeds) {
    test(`seed ${seed}: ${what}`, async () => {
      expect(await whatBreaks(seed)).toBe('')
    })
  }
})

describe('the first half', () => {
  runSeeds(1, 500)
})
