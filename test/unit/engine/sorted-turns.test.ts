// What shares a transaction while something is in quarantine: nothing unmarked beside what is marked (I6).
import { expect, test } from 'vitest'
import { unknownStream } from '../../../src/core/stream-state.ts'
import type { StreamState } from '../../../src/core/stream-state.ts'
import type { StreamVisit } from '../../../src/engine/lanes.ts'
import type { PlannedTurn } from '../../../src/engine/plan-turns.ts'
import { SortedTurns } from '../../../src/engine/sorted-turns.ts'

/** As much of a turn as is looked at. */
function planned(
  path: string,
  turn: { readonly begun?: number; readonly state?: Partial<StreamState>; readonly deliveries?: number },
): PlannedTurn {
  const { begun = 0, state, deliveries = 1 } = turn
  const setup = { begun, state: { ...unknownStream, ...state } }
  return {
    turn: { setup, deliveries: Array.from({ length: deliveries }) },
    visit: { path },
  } as unknown as PlannedTurn
}

const marked = planned('marked', { begun: 2 })
const plain = planned('plain', {})
const idle = planned('idle', { deliveries: 0 })
const counted = planned('counted', { state: { quarantine: 3 } })
const suspect = planned('suspect', { state: { quarantine: 3, suspects: 1 } })

function sorted(turns: readonly PlannedTurn[], how: { isForAll: boolean; isAlone: boolean }): object {
  const { running, beginning, left } = new SortedTurns(turns, how)
  const pathsOf = (visits: readonly StreamVisit[]): readonly string[] => visits.map(({ path }) => path)
  const visitsOf = (some: readonly PlannedTurn[]): readonly StreamVisit[] => some.map(({ visit }) => visit)
  return {
    running: pathsOf(visitsOf(running)),
    beginning: pathsOf(visitsOf(beginning)),
    waiting: pathsOf(left.waiting),
    apart: pathsOf(left.apart),
  }
}

test('without quarantine all run, but for what may be deadly', () => {
  const how = { isForAll: false, isAlone: false }
  expect(sorted([plain, idle, counted, suspect], how)).toEqual({
    running: ['plain', 'idle'],
    beginning: ['counted'],
    waiting: [],
    apart: ['suspect'],
  })
})

test('after a death whatever has deliveries begins', () => {
  const how = { isForAll: true, isAlone: false }
  expect(sorted([plain, idle, counted, suspect], how)).toEqual({
    running: ['idle'],
    beginning: ['plain', 'counted'],
    waiting: [],
    apart: ['suspect'],
  })
})

test('beside what is marked nothing runs that is not', () => {
  const how = { isForAll: false, isAlone: false }
  expect(sorted([marked, plain, idle, counted], how)).toEqual({
    running: ['marked', 'idle'],
    beginning: ['counted'],
    waiting: ['plain'],
    apart: [],
  })
})

test('alone nothing is tried but what may be deadly', () => {
  const how = { isForAll: true, isAlone: true }
  expect(sorted([suspect, plain, idle], how)).toEqual({
    running: [],
    beginning: ['suspect'],
    waiting: [],
    apart: ['plain', 'idle'],
  })
})
