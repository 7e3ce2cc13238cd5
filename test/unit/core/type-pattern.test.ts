// Types and the patterns that select them.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { typeOwner, typePattern } from '../../../src/core/type-pattern.ts'

/** What a pattern means, tried place by place. */
function fits(pattern: string, type: string): boolean {
  if (pattern === '') return type === ''
  const [first, rest] = [pattern[0], pattern.slice(1)]
  if (first !== '*') return type.startsWith(first ?? '') && fits(rest, type.slice(1))
  return Array.from({ length: type.length + 1 }, (_, at) => at).some((at) => fits(rest, type.slice(at)))
}

const letters = (most: number, ...of: readonly string[]) =>
  fc.array(fc.constantFrom(...of), { maxLength: most }).map((parts) => parts.join(''))

describe('a type pattern', () => {
  it('fits what it means', () => {
    fc.assert(
      fc.property(letters(7, '*', '*', 'a', 'b', '.'), letters(9, 'a', 'b', '.'), (pattern, type) => {
        expect(typePattern(pattern)(type)).toBe(fits(pattern, type))
      }),
      { numRuns: 1_000 },
    )
  })

  it('is done with a type as long as an event at once, whatever it fails at', () => {
    const types = ['a', 'ab', 'b', 'a.'].map((part) => part.repeat(500_000))
    const patterns = ['*a*b', '*a*a*a*a*c', '*ab*ba*abc*', 'a*a*a*b*', '*a*a*', 'a*', '*']
    const found = patterns.map((pattern) => types.map(typePattern(pattern)).map(Number).join(''))
    expect(found).toEqual(['0100', '0000', '0000', '0100', '1101', '1101', '1111'])
  })
})

describe('whose a type is', () => {
  it('of several patterns that fit the one that is listed first has it', () => {
    const pattern = letters(4, '*', 'a', 'b').filter((text) => text !== '')
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 6 }), letters(4, 'a', 'b'), (patterns, type) => {
        const listed = patterns.map((one, owner) => ({ pattern: one, owner }))
        const first = patterns.findIndex((one) => fits(one, type))
        expect(typeOwner(listed)(type)).toBe(first === -1 ? undefined : first)
      }),
    )
  })
})
