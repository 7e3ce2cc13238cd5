// Which number an event of a counter that wraps bears by what was asked for. I1.
import { expect, test } from 'vitest'
import { contiguous } from '../../../src/core/numbering.ts'
import type { Intake } from '../../../src/engine/intake.ts'
import { makeIntaker } from '../../../src/engine/processor-options.ts'
import { resolveDomains } from '../../../src/engine/resolve-domains.ts'
import { withAsked } from '../../../src/engine/wire-clues.ts'
import { domain, event, path } from './engine-world.ts'

const numbering = contiguous({ start: 0, modulus: 16 })
const domains = { account: domain({ numbering, handle: () => undefined }) }
const intaker = makeIntaker({ domains }, resolveDomains(domains))
const read = (sequence: number, fields: object = {}): Intake =>
  intaker.read({ message: event('a', sequence, fields) })
const asked = { stream: path('a'), epoch: 0, from: 34, to: 36, isHealing: true }

test('what lies in the range is of its turn, and nobody knows of the rest that a healer brings', () => {
  expect(withAsked(read(3), asked)).toMatchObject({ arrival: { known: 35 } })
  for (const other of [read(5), read(3, { stream: 'b' }), read(3, { epoch: 1 })]) {
    expect(withAsked(other, asked)).toMatchObject({ isUnasked: true, arrival: { known: undefined } })
  }
})

test('what a source gives out again is never unasked', () => {
  const again = { ...asked, isHealing: false }
  expect(withAsked(read(3), again)).toMatchObject({ arrival: { known: 35 } })
  const other = read(5)
  expect(withAsked(other, again)).toBe(other)
})

test('of several runs under one epoch its time says of which it is, and not the question', () => {
  const given = read(3)
  expect(withAsked(given, { ...asked, epoch: 1, wireEpoch: 0 })).toBe(given)
  expect(withAsked(read(3, { epoch: 1 }), { ...asked, epoch: 1, wireEpoch: 0 })).toMatchObject({
    isUnasked: true,
  })
})
