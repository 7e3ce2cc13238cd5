// I3, I7: what one corrupt number says is not believed: it is a dead letter, and its stream stays as it was.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decideBatch } from '../../../src/core/decide.ts'
import { nothingHeld } from '../../../src/core/held-index.ts'
import { contiguous, increasing, linked } from '../../../src/core/numbering.ts'
import type { TrackedNumbering } from '../../../src/core/numbering.ts'
import type { Arrival } from '../../../src/core/pass.ts'
import type { StreamRules } from '../../../src/core/rules.ts'
import { toSequence } from '../../../src/core/sequence.ts'
import type { Sequence } from '../../../src/core/sequence.ts'
import type { StreamState } from '../../../src/core/stream-state.ts'
import { unknownStream } from '../../../src/core/stream-state.ts'
import { clockAt, RuledHistory, rulesFor } from './ruled-history.ts'

function after(state: StreamState, arrival: Arrival, rules: StreamRules): readonly [string, StreamState] {
  const decided = decideBatch({ rules, state }, [arrival], { clock: clockAt(0), held: nothingHeld })
  const [said] = decided.outcome.verdicts
  if (said === undefined) throw new Error('nothing was said')
  return [said.reason === undefined ? said.verdict : `${said.verdict}(${said.reason})`, decided.state]
}

function event(sequence: Sequence, epoch = 0): Arrival {
  return { kind: 'event', epoch, sequence, print: 1, previous: null }
}

function at(position: Sequence, epoch = 0): StreamState {
  return { ...unknownStream, epoch, position, baseline: 1 }
}

/** What came of an event: its verdict, and whether the stream is as it was. */
function untouched(state: StreamState, arrival: Arrival, rules: StreamRules): string {
  const [said, next] = after(state, arrival, rules)
  expect(next).toEqual(state)
  return said
}

describe('an increasing number', () => {
  const rules = rulesFor({ numbering: increasing() })
  const inSpan = fc.bigInt({ min: 0n, max: 2n ** 62n })

  test('of an offset, an id or a time is never refused for how far it is, whatever came before', () => {
    fc.assert(
      fc.property(inSpan, inSpan, (one, other) => {
        fc.pre(one !== other)
        const [low, high] = one < other ? [one, other] : [other, one]
        expect(after(at(toSequence(low)), event(toSequence(high)), rules)[0]).toBe('deliver')
      }),
    )
  })

  test.each([
    [5, 2n ** 63n - 1n],
    [1_700_000_000_000_000, 2n ** 64n - 1n],
    [7n * 10n ** 17n, 2n ** 63n - 1n],
    [5, 2n ** 80n],
  ])('behind %s is not %s', (position, sequence) => {
    expect(untouched(at(position), event(sequence), rules)).toBe('implausible(beyond-span-max)')
  })

  test('of more than 64 bits has no bound unless one is given', () => {
    const position = 2n ** 80n
    expect(after(at(position), event(2n ** 120n), rules)[0]).toBe('deliver')
    const bounded = rulesFor({ numbering: increasing({ spanMax: 2n ** 70n }) })
    expect(after(at(position), event(position + 2n ** 70n), bounded)[0]).toBe('deliver')
    expect(untouched(at(position), event(position + 2n ** 70n + 1n), bounded)).toMatch('implausible')
  })

  test('is believed up to a given bound, in turn or held, and from wherever the stream begins', () => {
    const bounded = rulesFor({ numbering: increasing({ spanMax: 10 }) })
    expect(after(unknownStream, event(1_000), bounded)[0]).toBe('deliver')
    expect(after(at(5), event(15), bounded)[0]).toBe('deliver')
    expect(untouched(at(5), event(16), bounded)).toBe('implausible(beyond-span-max)')
    const halt = { cause: 'operator', at: 0, reason: 'x', by: 'x' } as const
    expect(after({ ...at(5), halt }, event(15), bounded)[0]).toBe('hold')
    expect(untouched({ ...at(5), halt }, event(16), bounded)).toBe('implausible(beyond-span-max)')
  })
})

describe('a linked number', () => {
  const link = (previous: Sequence | null, sequence: Sequence): Arrival => {
    return { kind: 'event', epoch: 0, sequence, print: 1, previous }
  }
  const bounded = rulesFor({ numbering: linked({ spanMax: 10 }) })
  const tooFar = 'implausible(beyond-span-max)'

  test('is believed up to a given bound, in turn or held, and from wherever the chain begins', () => {
    expect(after(unknownStream, link(null, 1_000), bounded)[0]).toBe('deliver')
    expect(after(at(5), link(5, 15), bounded)[0]).toBe('deliver')
    expect(after(at(5), link(9, 15), bounded)[0]).toBe('hold')
    expect(untouched(at(5), link(5, 16), bounded)).toBe(tooFar)
    expect(untouched(at(5), link(9, 16), bounded)).toBe(tooFar)
    expect(untouched(at(5), link(1_000, 1_001), bounded)).toBe(tooFar)
  })

  test('that no counter gets to is not believed by default', () => {
    const rules = rulesFor({ numbering: linked() })
    expect(untouched(at(5), link(5, 2n ** 63n - 1n), rules)).toBe(tooFar)
    expect(untouched(at(5), link(2n ** 62n + 9n, 2n ** 62n + 10n), rules)).toBe(tooFar)
    expect(after(at(5), link(5, 2n ** 62n), rules)[0]).toBe('deliver')
    expect(after(at(2n ** 80n), link(2n ** 80n, 2n ** 120n), rules)[0]).toBe('deliver')
  })

  test('I3: a corrupt one costs the chain nothing: what follows in it is delivered', () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 10_000 }), { minLength: 2, maxLength: 20 })
    const far = fc.integer({ min: 20_001, max: Number.MAX_SAFE_INTEGER })
    const rules = rulesFor({ numbering: linked({ spanMax: 10_000 }), gapEnd: 'skip', patienceMs: 0 })
    fc.assert(
      fc.property(numbers, far, fc.boolean(), fc.nat(18), (all, corrupt, isInTurn, place) => {
        const chain = all.toSorted((a, b) => a - b)
        const history = new RuledHistory(rules)
        const arrive = (action: Arrival, index: number): readonly string[] =>
          action.kind === 'event' ? history.arrive([{ action, index }], index) : []
        chain.forEach((sequence, index) => {
          expect(arrive(link(chain[index - 1] ?? null, sequence), index)).toEqual([
            `#${index} deliver 0/${sequence}`,
          ])
          if (index !== place % (chain.length - 1)) return
          const [line] = arrive(link(isInTurn ? sequence : corrupt - 1, corrupt), 100)
          expect(line).toContain(tooFar)
          history.endHeadGap(index)
        })
      }),
    )
  })

  test('takes a bound that is a whole number', () => {
    for (const spanMax of [0, 1.5, -1n, '10', null]) {
      expect(() => linked({ spanMax: spanMax as never })).toThrow(
        'linked: spanMax takes a whole number from 1',
      )
    }
    expect(linked({ spanMax: 2n ** 70n })).toEqual({ kind: 'linked', spanMax: 2n ** 70n })
  })
})

describe('an epoch', () => {
  const numberings: readonly TrackedNumbering[] = [
    contiguous(),
    contiguous({ start: 0, modulus: 8 }),
    contiguous({ start: 'first-seen' }),
    increasing(),
    linked(),
  ]
  const tooFar = 'implausible(epoch-beyond-span-max)'

  test.each(numberings)('of one corrupt event ends nothing: %o', (numbering) => {
    const rules = rulesFor({ numbering })
    for (const epoch of [1_000_001, 2 ** 32 - 1, Number.MAX_SAFE_INTEGER]) {
      for (const sequence of [0, 1, 3, 4, 7]) {
        expect(untouched(at(3), event(sequence, epoch), rules)).toBe(tooFar)
      }
    }
  })

  test('of a corrupt fill ends nothing either', () => {
    const fill = { kind: 'fill', epoch: 2 ** 32 - 1, from: 1, to: 4, reason: 'x' } as const
    expect(untouched(at(3), fill, rulesFor({ numbering: contiguous() }))).toBe(tooFar)
  })

  test('that a stream is seen with first is taken, times too, and times go on as they rise', () => {
    const rules = rulesFor({ numbering: contiguous() })
    const times = fc.array(fc.integer({ min: 0, max: 4_000_000_000_000 }), { minLength: 1 })
    fc.assert(
      fc.property(times, fc.constantFrom(1, 1_000, 1_000_000), (all, unit) => {
        const epochs = [...new Set(all)].map(
          (ms) => Math.floor((1_700_000_000_000 + (ms % 1e12)) / 1_000) * unit,
        )
        let state: StreamState = unknownStream
        for (const epoch of epochs.sort((a, b) => a - b)) {
          const [said, next] = after(state, event(1, epoch), rules)
          expect(said).toBe(state.position !== undefined && state.epoch === epoch ? 'duplicate' : 'deliver')
          state = next
        }
      }),
    )
  })

  test('is believed up to a given bound', () => {
    const rules = { ...rulesFor({ numbering: contiguous() }), epochSpanMax: 5 }
    expect(after(at(3, 7), event(1, 12), rules)[0]).toBe('deliver')
    expect(untouched(at(3, 7), event(1, 13), rules)).toBe(tooFar)
    expect(after(at(3), event(1, 1_700_000_000_000), { ...rules, epochSpanMax: 10 ** 13 })[0]).toBe('deliver')
  })

  test('is measured from what is held where no number has been accounted for', () => {
    const rules = rulesFor({ numbering: contiguous() })
    const [held, state] = after(unknownStream, event(2), rules)
    expect(held).toBe('hold')
    expect(untouched(state, event(1, 2 ** 32 - 1), rules)).toBe(tooFar)
    expect(after(state, event(1, 1_000_000), rules)[0]).toBe('deliver')
  })
})
