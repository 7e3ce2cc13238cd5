// Chooses which overflowed events a turn takes back. Where a gap is about to be given up, those that lie in
// it come first and have room in any case; the others wait until the stream has moved. Upholds I3: nothing
// that was put aside is lost with a gap.
import { counterOf, nearestTo } from '../core/counter.ts'
import { headGap } from '../core/gaps.ts'
import { reachedIn } from '../core/half-turn.ts'
import { epochInRuns, madeOf } from '../core/producer-runs.ts'
import type { Position } from '../core/sequence.ts'
import { comparePositions } from '../core/sequence.ts'
import type { Clock, StreamState } from '../core/stream-state.ts'
import type { DeadLetter } from '../ports/records.ts'
import { isGapDue } from './decide-turn.ts'
import type { TrackedDomain } from './domain.ts'
import { arrivalIn } from './overflow-letter.ts'

/** The overflowed events of a turn. */
export interface TakenOverflow extends ChosenOverflow {
  /** Of the handed-over events, the keys of those of which a copy is overflow already. */
  readonly buried: ReadonlySet<string>
}

/** The overflowed events that a turn takes back. */
interface ChosenOverflow {
  readonly letters: readonly DeadLetter[]
  /** They have room even if their stream or its domain is full. */
  readonly hasRoom: boolean
  /** The first place where more of them may lie: no gap that reaches it is given up in this turn. */
  readonly restFrom: Position | undefined
}

/** What is known of a stream when its overflowed events are chosen. */
export interface OverflowQuestion {
  readonly domain: TrackedDomain
  readonly state: StreamState
  readonly clock: Clock
  /** Ascending by the number on the wire. */
  readonly letters: readonly DeadLetter[]
  /** There may be more, behind these. */
  readonly hasMore: boolean
  /** A gap whose patience has ended is given up. */
  readonly endsGaps: boolean
}

/** The overflowed events that a turn takes back. */
export function takeOverflow(question: OverflowQuestion): ChosenOverflow {
  const { domain, state, clock, hasMore, endsGaps } = question
  const letters = question.letters.filter((letter) => arrivalIn(letter) !== undefined)
  const placed = letters.map((letter) => ({ letter, place: placeOf(question, letter) }))
  const last = hasMore ? placed.at(-1)?.place : undefined
  const gap = endsGaps && isGapDue(domain.rules, state, clock) ? headGap(domain.rules, state) : undefined
  if (gap === undefined || letters.length === 0) return { letters, hasRoom: false, restFrom: last }
  const end = { epoch: gap.epoch, sequence: gap.to }
  const within = placed.filter(({ place }) => comparePositions(place, end) <= 0)
  const beyond = placed.filter(({ place }) => comparePositions(place, end) > 0)
  const [rest = last] = beyond.map(({ place }) => place).sort(comparePositions)
  return { letters: within.map(({ letter }) => letter), hasRoom: true, restFrom: rest }
}

/** Where an overflowed event belongs: less than half a turn from the position, where its counter wraps. */
function placeOf({ domain, state }: OverflowQuestion, letter: DeadLetter): Position {
  const { sequence = 0 } = letter
  const epoch = epochInRuns(state.runs, { epoch: letter.epoch ?? 0, ...madeOf(arrivalIn(letter) ?? {}) }) ?? 0
  const counter = counterOf(domain.rules.numbering)
  const reached = counter && reachedIn(domain.rules, state, epoch)
  if (counter === undefined || reached === undefined) return { epoch, sequence }
  return { epoch, sequence: nearestTo(counter, Number(sequence), reached) }
}
