// What only full transactions side by side can break keeps its invariants too.
import { expect, test } from 'vitest'
import { simulateCrowded } from './crowded.ts'
import { traceOf } from './trace.ts'

test('crowded seeds 1 to 100 break no invariant', async () => {
  for (let seed = 1; seed <= 100; seed++) {
    const simulated = await simulateCrowded(seed)
    expect(simulated.breaches.length === 0 ? '' : traceOf(simulated)).toBe('')
  }
})
