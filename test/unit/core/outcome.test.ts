// What a pass comes to, over random histories: where each delivery says that its stream stands in front of
// it, the stream stops; and what the pass holds, takes and forgets adds up.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decideArrivals } from '../../../src/core/decide.ts'
import { contiguous, increasing, linked } from '../../../src/core/numbering.ts'
import type { Arrival } from '../../../src/core/pass.ts'
import { placeText } from '../../../src/core/sequence.ts'
import type { Halt } from '../../../src/core/stream-state.ts'
import { randomHistory } from './random-history.ts'
import type { RandomAction } from './random-history.ts'
import { arrivalOf, RuledHistory, rulesFor } from './ruled-history.ts'
import type { Indexed } from './ruled-history.ts'

const halt: Halt = { cause: 'operator', at: 0, reason: 'maintenance', by: 'ann' }

function indexed(actions: readonly RandomAction[]): readonly Indexed[] {
  return actions.flatMap((action, index): readonly Indexed[] => {
    if (action.kind === 'gap-end') return []
    if (action.kind === 'fill') return [{ action, index }]
    const { back, sequence, ...event } = action
    const previous = back < 0 || sequence <= back ? null : sequence - back
    return [{ action: { ...event, sequence, previous }, index }]
  })
}

/** A stream with a history, of which some was held because an operator had halted it. */
function begun(rules: RuledHistory['rules'], batch: readonly Indexed[], isHalted: boolean): RuledHistory {
  const history = new RuledHistory(rules)
  const half = Math.floor(batch.length / 2)
  history.arrive(batch.slice(0, half), 0)
  if (isHalted) history.state = { ...history.state, halt }
  history.arrive(batch.slice(half), 0)
  history.state = { ...history.state, halt: undefined }
  return history
}

describe('the outcome of a pass', () => {
  test.each([contiguous(), contiguous({ start: 'first-seen' }), linked(), increasing()])(
    'I1: %o: its stream stops where a delivery says that it stands',
    (numbering) => {
      let deliveriesSeen = 0
      const worlds = fc.tuple(
        randomHistory({ withFills: numbering.kind === 'contiguous' }),
        fc.nat(60),
        fc.boolean(),
      )
      fc.assert(
        fc.property(worlds, ([actions, cut, isHalted]) => {
          const all = indexed(actions)
          const history = begun(rulesFor({ numbering }), all.slice(0, cut), isHalted)
          const arrivals: readonly Arrival[] = all.slice(cut).map(arrivalOf)
          const { outcome } = history.run((pass) => decideArrivals(pass, arrivals))
          deliveriesSeen += outcome.deliveries.length
          for (const [at, delivery] of outcome.deliveries.entries()) {
            const stopAt = delivery.before
            const stopped = history.run((pass) => decideArrivals(pass, arrivals), { stopAt })
            expect(stopped.outcome.deliveries).toEqual(outcome.deliveries.slice(0, at))
            expect(stopped.state).toMatchObject({ epoch: stopAt.epoch, position: stopAt.sequence })
          }
        }),
        { numRuns: 400 },
      )
      expect(deliveriesSeen).toBeGreaterThan(500)
    },
  )

  test.each([contiguous(), linked(), increasing()])(
    'I3: %o: what was held is forgotten once it is taken, and nothing else is',
    (numbering) => {
      let taken = 0
      const worlds = fc.tuple(randomHistory({ withFills: false }), fc.nat(60))
      fc.assert(
        fc.property(worlds, ([actions, cut]) => {
          const all = indexed(actions)
          const history = begun(rulesFor({ numbering }), all.slice(0, cut), true)
          const arrivals = all.slice(cut).map(arrivalOf)
          const { state, outcome } = history.run((pass) => decideArrivals(pass, arrivals))
          const left = new Set([...history.held.keys(), ...outcome.hold.keys()])
          expect(left.size).toBe(history.held.size + outcome.hold.size)
          for (const { epoch, after, to } of outcome.release) {
            const events = history.index().members(epoch, after, to)
            expect(events.length).toBeGreaterThan(0)
            for (const { sequence } of events) left.delete(placeText({ epoch, sequence }))
            taken += events.length
          }
          expect(left.size).toBe(state.heldCount)
        }),
        { numRuns: 300 },
      )
      expect(taken).toBeGreaterThan(50)
    },
  )
})
