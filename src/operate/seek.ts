// Moves a stream's position by an operator's wish: forwards over numbers that it will not see, or backwards
// to have its history handled once more. Upholds I3: what is passed over has an account; what is cut is a gap
// that everybody sees, before any of the history is handed over.
import { counterOf, isShown, nearestTo } from '../core/counter.ts'
import { InturnError } from '../core/errors.ts'
import type { TrackedEvent } from '../core/event.ts'
import { eventFingerprint } from '../core/fingerprint.ts'
import { reachedIn } from '../core/half-turn.ts'
import { hindersSeekBack, seekBackwards } from '../core/operating/seek-backwards.ts'
import { seekForwards } from '../core/operating/seek-forwards.ts'
import type { StreamRules } from '../core/rules.ts'
import type { Epoch, Position, Sequence } from '../core/sequence.ts'
import { after, comparePositions, width } from '../core/sequence.ts'
import { includes } from '../core/spans.ts'
import { parseStreamPath } from '../core/stream-path.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { StreamState } from '../core/stream-state.ts'
import type { HeldEvent } from '../ports/records.ts'
import type { StreamHistory } from '../ports/stream-history.ts'
import type { ClaimedStream, StreamOperation, StreamRequest, WishOutcome } from './change-stream.ts'
import { changeStream, needConfiguration } from './change-stream.ts'
import { rulesFor } from './domain-rules.ts'
import type { HistoryProgress } from './hand-history-over.ts'
import { handHistoryOver } from './hand-history-over.ts'
import type { OperatorTarget } from './operator-options.ts'
import { checkEpoch, checkExpected, checkOperator, namedNumber, unexpectedEpoch } from './operator-options.ts'

/** Where to move a stream. */
export interface SeekRequest extends StreamRequest {
  /** The position to move to: as on the wire, or unwrapped where its counter cannot show it. */
  readonly to: Sequence
  /** Default: the epoch of the position. */
  readonly epoch?: Epoch
  /** Backwards: where the events are that are handled once more. */
  readonly history?: StreamHistory
  /** Backwards: is told how far the history has been handed over. */
  readonly onProgress?: (progress: HistoryProgress) => void
}

/** What a seek came to. */
export interface SeekOperation extends StreamOperation {
  readonly direction: 'forwards' | 'backwards'
  /** Backwards: what of the history was handed over. The rest is a gap, which the domain's healer closes. */
  readonly history?: HistoryProgress
}

/**
 * Moves a stream's position. Forwards, the numbers in between are lost, and held events among them become
 * dead letters `skipped`. Backwards (contiguous numbers only, within the epoch and `spanMax`), the expected
 * position and a history are needed; the numbers above are open again, and come from the history.
 *
 * @throws InturnError as {@link changeStream}; `history-unavailable` when the history lacks what was handled
 */
export async function seek(target: OperatorTarget, request: SeekRequest): Promise<SeekOperation> {
  checkOperator(request)
  const exact = { ...request, to: namedNumber(String(request.to), 'to') }
  checkEpoch(request.epoch)
  const stored = await target.store.reader.stream(target.consumer, request.stream)
  const place = stored === undefined ? undefined : backwardPlace(target, exact, stored.state)
  if (stored === undefined || place === undefined) {
    const operation = await changeStream(target, request, {
      command: 'seek',
      kind: 'sought',
      decide: (about) => forwards(about, exact),
    })
    return { ...operation, direction: 'forwards' }
  }
  return seekBack(target, exact, { place, state: stored.state })
}

/** Where a request points, if that lies below the position. */
function backwardPlace(
  { domains }: OperatorTarget,
  request: SeekRequest,
  state: StreamState,
): Position | undefined {
  const { rules, isConfigured } = rulesFor(domains, parseStreamPath(request.stream)?.domain ?? '', state)
  if (!isConfigured) return undefined
  const place = placeOf(request, { state, rules })
  const { epoch, position } = state
  if (position === undefined || place.epoch !== epoch) return undefined
  return comparePositions(place, { epoch, sequence: position }) < 0 ? place : undefined
}

function forwards(about: ClaimedStream, request: SeekRequest): WishOutcome {
  needConfiguration(about, 'a seek')
  const { state, rules } = about
  const place = placeOf(request, about)
  const { epoch, position } = state
  const order = position === undefined ? 1 : comparePositions(place, { epoch, sequence: position })
  if (order === 0) return refused('its position is there already')
  if (order < 0 && place.epoch === epoch) return refused('its position has moved beyond that')
  const unexpected = unexpectedEpoch(request, { epoch: place.epoch, open: epoch })
  if (unexpected !== undefined) return refused(unexpected)
  const isFar =
    position !== undefined && place.epoch === epoch && width(position, place.sequence) > rules.spanMax
  if (isFar && request.expectPosition === undefined) {
    return refused('that is further ahead than spanMax: say that you mean it with --expect-position')
  }
  const range = { epoch: place.epoch, from: place.sequence, to: place.sequence }
  return { operated: seekForwards({ state, rules }, place, about), range }
}

/** Cuts the accounts above the place, holds the top of the history, and hands the rest of it over. */
async function seekBack(
  target: OperatorTarget,
  request: SeekRequest,
  from: { readonly place: Position; readonly state: StreamState },
): Promise<SeekOperation> {
  const { place, state } = from
  const { stream, history, expectPosition } = request
  const { rules } = rulesFor(target.domains, parseStreamPath(stream)?.domain ?? '', state)
  if (expectPosition === undefined) {
    // It may have been meant forwards, and the stream was quicker.
    const why = 'its position has moved beyond that; backwards only with --expect-position <n>'
    throw new InturnError('operation-refused', `${stream}: ${why}; nothing was changed`)
  }
  checkExpected(request, { state, rules })
  const hindrance = hindersSeekBack({ rules, state }, place)
  if (hindrance !== undefined) {
    throw new InturnError('operation-refused', `${stream}: ${hindrance.why}; nothing was changed`)
  }
  if (history === undefined) {
    throw new InturnError(
      'history-unavailable',
      `${stream}: nobody can be asked for its history (gap.heal.with); nothing was changed`,
    )
  }
  const top = await topOfHistory(history, { stream, place, state })
  const operation = await changeStream(target, request, {
    command: 'seek',
    kind: 'sought',
    decide: (about) => backwards(about, { place, top, known: state }),
  })
  const range = {
    stream,
    epoch: place.epoch,
    from: after(place.sequence),
    to: state.position ?? place.sequence,
  }
  const handed = await handHistoryOver(target, request, {
    history,
    range,
    isHalted: operation.after.halt !== undefined,
  })
  return { ...operation, direction: 'backwards', history: handed }
}

function backwards(
  about: ClaimedStream,
  seen: { readonly place: Position; readonly top: TrackedEvent | undefined; readonly known: StreamState },
): WishOutcome {
  const { state, rules, clock, stream } = about
  const { place, top, known } = seen
  if (state.position !== known.position || state.epoch !== known.epoch) {
    throw new InturnError(
      'position-moved',
      `${stream} has moved while its history was read; nothing was changed`,
    )
  }
  const number = top === undefined ? undefined : Number(top.sequence)
  const operated = seekBackwards({ state, rules }, place, { top: number, clock })
  const { epoch, sequence } = place
  const recalled = { kind: 'recalled', epoch, from: after(sequence), to: known.position ?? sequence } as const
  return {
    operated,
    range: { epoch, from: sequence, to: sequence },
    ledger: [recalled],
    ...(top !== undefined && { hold: [heldTop(about, top)] }),
  }
}

function heldTop({ stream, rules, clock }: ClaimedStream, event: TrackedEvent): HeldEvent {
  const print = rules.conflictMemory === 0 ? 0 : eventFingerprint(event.id, event.data)
  return { stream, event, print, heldAt: clock.now }
}

/** The place that a request names: a number that a counter can show is the one nearest to the position. */
function placeOf(
  { stream, to, epoch: named }: SeekRequest,
  of: { readonly state: StreamState; readonly rules: StreamRules },
): Position {
  const { state, rules } = of
  const epoch = named ?? state.epoch
  const counter = counterOf(rules.numbering)
  const reached = counter && reachedIn(rules, state, epoch)
  if (counter === undefined || reached === undefined || !isShown(counter, to)) return { epoch, sequence: to }
  const sequence = nearestTo(counter, Number(to), reached)
  if ((sequence - reached) * 2 !== counter.modulus) return { epoch, sequence }
  const why = `${to} may be ${sequence} or ${sequence - counter.modulus}, half a turn ahead or behind`
  throw new InturnError('operation-refused', `${stream}: ${why}; nothing was changed`)
}

function refused(why: string): WishOutcome {
  return { operated: { kind: 'declined', why } }
}

/** Numbers of a history that are read at once. */
const chunk = 500

/**
 * The highest event above a place and up to the position. What was handled before must be there; where all
 * of the range was lost or filled, whatever is there counts. What was filled stays filled, whatever a
 * history has under its number.
 *
 * @throws InturnError `history-unavailable` when the history lacks the last event that came
 */
async function topOfHistory(
  history: StreamHistory,
  of: { readonly stream: StreamPath; readonly place: Position; readonly state: StreamState },
): Promise<TrackedEvent | undefined> {
  const { stream, place, state } = of
  const { epoch } = place
  const below = Number(place.sequence)
  const came = lastThatCame(state, below)
  if (came !== undefined) {
    const [event] = await history.read({ stream, epoch, from: came, to: came, limit: 1 })
    if (event !== undefined) return event
    throw unavailable(stream, `${history.name} has no event ${came}, the last one that came`)
  }
  for (let to = Number(state.position); to > below; to -= chunk) {
    const from = Math.max(below + 1, to - chunk + 1)
    const events = await history.read({ stream, epoch, from, to, limit: chunk })
    const event = events.findLast(({ sequence }) => !includes(state.filled, sequence))
    if (event !== undefined) return event
  }
  if (state.filled.some((span) => span.to > below)) return undefined
  throw unavailable(stream, `${history.name} has no event from ${below + 1} to ${String(state.position)}`)
}

/** The highest number of the range that is neither lost nor filled. */
function lastThatCame({ position, lost, filled }: StreamState, below: number): number | undefined {
  const absent = [...lost, ...filled].sort((a, b) => Number(b.to) - Number(a.to))
  let number = Number(position)
  for (const span of absent) if (includes([span], number)) number = Number(span.from) - 1
  return number > below ? number : undefined
}

function unavailable(stream: StreamPath, why: string): InturnError {
  return new InturnError('history-unavailable', `${stream}: ${why}; nothing was changed`)
}
