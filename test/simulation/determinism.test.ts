// A seed is worth something only if it always does the same, and if a failure says how to come back to it.
import { expect, test } from 'vitest'
import { mutants } from './mutants.ts'
import { simulate } from './simulate.ts'
import { lineOf, traceOf } from './trace.ts'

test('the same seed does the same, to the last line', async () => {
  for (const seed of [3, 11, 42]) {
    const first = (await simulate(seed)).world.history.happenings.map(lineOf)
    const second = (await simulate(seed)).world.history.happenings.map(lineOf)
    expect(second).toEqual(first)
  }
})

test('different seeds do different things', async () => {
  const lines = new Set<string>()
  for (let seed = 1; seed <= 5; seed++) {
    lines.add((await simulate(seed)).world.history.happenings.map(lineOf).join('\n'))
  }
  expect(lines.size).toBe(5)
})

test('the trace of a failure names the invariant, the seed and the command that reproduces it', async () => {
  const [mutant] = mutants
  const simulated = await simulate(1, { mutation: mutant?.mutation ?? {} })
  const trace = traceOf(simulated, 30)
  expect(trace).toContain('seed 1 breaks these invariants:')
  expect(trace).toMatch(/I4: c0: .* not settled|has no durable end/)
  expect(trace).toContain('npm run sim -- --seed 1')
  expect(trace.split('\n').length).toBeLessThan(80)
})
