// A turn that is plain: of what is asked of turns besides, nothing would say anything else.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { invariant } from '../../../src/core/errors.ts'
import type { InturnEvent } from '../../../src/core/event.ts'
import { contiguous, linked } from '../../../src/core/numbering.ts'
import type { StreamState } from '../../../src/core/stream-state.ts'
import { unknownStream } from '../../../src/core/stream-state.ts'
import type { Domain, TrackedDomain } from '../../../src/engine/domain.ts'
import { arrivalOf } from '../../../src/engine/intake.ts'
import { isFollowed } from '../../../src/engine/plan-turns.ts'
import { mayBeDeadly, needsQuarantine } from '../../../src/engine/quarantine.ts'
import { resolveDomains } from '../../../src/engine/resolve-domains.ts'
import { noInbox } from '../../../src/engine/turn-inbox.ts'
import { newsOf } from '../../../src/engine/turn-news.ts'
import { Turn } from '../../../src/engine/turn.ts'
import type { HeldEvent } from '../../../src/ports/records.ts'

const path = 'account/a'
const fits = {
  '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) },
} as const
const options = { numbering: contiguous(), effects: 'external', handle: () => undefined } as const
const domains = [
  { ...options },
  { ...options, numbering: contiguous({ start: 'first-seen' }) },
  { ...options, numbering: linked() },
  { ...options, filter: () => true },
  { ...options, schema: fits },
].map((account) => trackedOf(resolveDomains({ account }).only))

function trackedOf(domain: Domain | undefined): TrackedDomain {
  invariant(domain?.kind === 'tracked', 'the domain is tracked')
  return domain
}

const steps = fc.array(
  fc.record({
    step: fc.oneof(
      { weight: 8, arbitrary: fc.constant(1) },
      { weight: 1, arbitrary: fc.integer({ min: -1, max: 3 }) },
    ),
    isUnread: fc.oneof(
      { weight: 30, arbitrary: fc.constant(false) },
      { weight: 1, arbitrary: fc.constant(true) },
    ),
  }),
  { minLength: 1, maxLength: 5 },
)

interface Held {
  events: readonly HeldEvent[]
}

/** A turn, decided with what is held in its stream, which it brings to what it is after the turn. */
function decided(
  domain: TrackedDomain,
  state: StreamState,
  events: readonly InturnEvent[],
  held: Held,
): Turn {
  const turn = new Turn({
    domain,
    path,
    state,
    clock: { now: 1_000, readingMs: 1_000 },
    arrivals: events.map((event) => ({ event, arrival: arrivalOf(event, domain) })),
    inbox: noInbox,
    isSweep: false,
    keepsGaps: false,
    domainFull: false,
    reread: (event) => event,
    isPaused: false,
    runner: { worker: 'w', isAlone: true },
    begun: 0,
    heal: undefined,
  })
  for (let ranges = turn.decide(); ranges.length > 0; ranges = turn.decide()) turn.learn(ranges, held.events)
  const { hold, release } = turn.change()
  const isReleased = ({ event: { epoch, sequence } }: HeldEvent): boolean =>
    release.some((range) => range.epoch === epoch && sequence <= range.to && (range.after ?? -1) < sequence)
  held.events = [...held.events.filter((one) => !isReleased(one)), ...hold]
  return turn
}

test('I3: a plain turn changes what any turn would, tells nothing, and is followed by none', () => {
  let plain = 0
  const worlds = fc.record({
    domain: fc.constantFrom(...domains),
    quarantine: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(2) }),
    turns: fc.array(steps, { minLength: 1, maxLength: 6 }),
  })
  fc.assert(
    fc.property(worlds, ({ domain, quarantine, turns }) => {
      const held: Held = { events: [] }
      let state: StreamState = { ...unknownStream, quarantine }
      let last = 0
      for (const batch of turns) {
        const events = batch.map(({ step, isUnread }): InturnEvent => {
          const previous = last === 0 ? null : last
          last = Math.max(1, last + step)
          const own = { domain: 'account', stream: 'a', epoch: 0, sequence: last, previous, id: `e${last}` }
          return isUnread ? { ...own, data: '{', problem: 'it cannot be read' } : { ...own, data: {} }
        })
        const turn = decided(domain, state, events, held)
        const visit = { domain, path, stream: 'a', arrivals: [] }
        state = turn.state
        if (!turn.isPlain) continue
        plain++
        expect(domain.filter ?? domain.schemas).toBeUndefined()
        expect(events.some(({ problem }) => problem !== undefined)).toBe(false)
        const change = turn.change()
        turn.isPlain = false
        expect(change).toEqual(turn.change())
        expect(turn.isIdle).toBe(false)
        expect(newsOf(turn)).toEqual([])
        expect(turn.failures).toEqual([])
        expect(turn.begun).toEqual([])
        const planned = { turn, visit: { ...visit, calls: [], looks: [], isSweep: false, heal: undefined } }
        expect(isFollowed({ ...planned, isFirst: true, earlier: 0 })).toBe(false)
        expect(mayBeDeadly(turn)).toBe(false)
        expect(needsQuarantine(turn, false)).toBe(false)
      }
    }),
    { numRuns: 500 },
  )
  expect(plain).toBeGreaterThan(200)
})
