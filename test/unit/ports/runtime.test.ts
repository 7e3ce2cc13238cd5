// A runtime that is too old is told in one line, before anything of it is missed.
import { expect, test } from 'vitest'
import { runtimeProblem } from '../../../src/ports/runtime.ts'

const versionsOf = (versions: Readonly<Record<string, string>>): NodeJS.ProcessVersions => ({
  ...process.versions,
  ...versions,
})

test.each(['18.20.8', '20.20.2', '22.17.1', '22.3.0'])('Node %s is too old, and told so', (node) => {
  const problem = `inturn needs Node 22.18 or later, and this is Node ${node}`
  expect(runtimeProblem(versionsOf({ node }))).toBe(problem)
})

test.each(['22.18.0', '23.0.0', '24.21.0', '26.1.0'])('Node %s runs inturn', (node) => {
  expect(runtimeProblem(versionsOf({ node }))).toBeUndefined()
})

test('Bun and Deno are not measured by the Node that they stand in for', () => {
  expect(runtimeProblem(versionsOf({ node: '20.11.1', deno: '2.1.0' }))).toBeUndefined()
  expect(runtimeProblem(versionsOf({ node: '20.8.0', bun: '1.1.0' }))).toBeUndefined()
})
