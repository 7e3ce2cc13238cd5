// An operator has a stream try again: its failing event with all its attempts, or its gaps from the first
// question on.
import { headGap } from '../gaps.ts'
import { resumedLog, resumedMarks } from '../half-turn.ts'
import { healAtOnce } from '../heal.ts'
import { hasGapBefore } from '../numbering-rules.ts'
import type { RuledStream } from '../run-pass.ts'
import type { Clock, Failing, Halt, StreamState } from '../stream-state.ts'
import { asCopies } from './open-next-run.ts'
import type { Operated } from './operated.ts'
import { declined, haltedByOperator } from './operated.ts'

/**
 * The stream tries again at once what it failed at, as if for the first time; a halt over it ends. Of an
 * effect that was carried out in part the operator takes the responsibility for doing it again. Pure.
 */
export function retryStream(stream: RuledStream, clock: Clock): Operated {
  const { state, rules } = stream
  const { failing, halt } = state
  const halted = haltedByOperator(state)
  if (halted !== undefined) return halted
  if (halt?.cause === 'restart') {
    return declined(
      'its producer may count again: seek --new-epoch says that it does, resume that it does not',
    )
  }
  if (failing !== undefined) {
    const again: Failing = { ...withoutRunner(failing), attempts: 0, retryAt: clock.now }
    const done = `the event ${String(failing.sequence)} is tried again now, with all its attempts`
    return granted({ ...state, failing: again, halt: haltOfCounter(state) }, done)
  }
  if (headGap(rules, state) !== undefined || halt?.cause === 'gap') {
    if ((halt === undefined || halt.cause === 'half-turn') && rules.heal === undefined) {
      return declined('a number is missing, and nobody is asked for it (gap.heal): skip it, or say with fill')
    }
    const asked = rules.heal === undefined ? '' : ', and the healer is asked again from now'
    return granted(anew({ rules, state }, clock), `the gap has its patience anew${asked}`)
  }
  if (halt === undefined) return declined('nothing of it has failed, and no number is missing')
  if (halt.cause === 'half-turn') return declined(`${halt.reason}: resume ends that`)
  return granted({ ...state, halt: undefined }, 'its halt has ended')
}

const followingWords = 'what its source offers next is taken for what follows the greatest number held'

/**
 * Ends a halt: a failing event has one more attempt, a gap its patience anew; what may be of a new run of the
 * producer is copies; a counter that has gone too far is followed from the greatest number held. Pure.
 */
export function resumeStream(stream: RuledStream, clock: Clock): Operated {
  const { state, rules } = stream
  const { failing, halt } = state
  if (state.restart !== undefined && (halt === undefined || halt.cause === 'restart')) {
    const done = 'what may have been of a new run of its producer is taken for copies'
    return granted(asCopies(state), done)
  }
  if (halt === undefined) return declined('it is not halted')
  if (halt.cause === 'half-turn') {
    const seen = resumedMarks(rules, state)
    return granted(
      { ...state, seen, logged: resumedLog(rules, state), halt: undefined },
      `its halt has ended; ${followingWords}`,
    )
  }
  if (failing !== undefined) {
    const retryAt = failing.retryAt ?? clock.now
    const done = `its halt has ended; the event ${String(failing.sequence)} has one more attempt`
    return granted({ ...state, halt: undefined, failing: { ...withoutRunner(failing), retryAt } }, done)
  }
  if (halt.cause !== 'gap') return granted({ ...state, halt: undefined }, 'its halt has ended')
  return granted(anew(stream, clock), 'its halt has ended, and the gap has its patience anew')
}

/**
 * The state with its gaps asked for anew, and the patience of the first begun again: of a gap that halted its
 * stream the front may have come since.
 */
function anew({ state, rules }: RuledStream, clock: Clock): StreamState {
  const restarted = { ...healAtOnce({ rules, state }, clock.now), halt: haltOfCounter(state) }
  const first = restarted.held.findIndex(
    (span, at) => span.after !== null && hasGapBefore(rules, restarted, at),
  )
  const span = restarted.held[first]
  if (span === undefined) return restarted
  const patient = { ...span, clock: { ...span.clock, readingMs: clock.readingMs } }
  return { ...restarted, held: restarted.held.with(first, patient) }
}

/** The halt over a counter that has gone too far: it does not end with another one. */
function haltOfCounter({ halt }: StreamState): Halt | undefined {
  return halt?.cause === 'half-turn' ? halt : undefined
}

function withoutRunner(failing: Failing): Failing {
  const { runningBy: _, ...rest } = failing
  return rest
}

function granted(state: StreamState, done: string): Operated {
  return { kind: 'granted', state, done }
}
