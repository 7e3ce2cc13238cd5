// Finds the highest event that a history has in the range that is handled once more. What was handled before
// must be there; where all of the range was lost or filled, whatever is there counts. What was filled stays
// filled, whatever a history has under its number.
import { InturnError } from '../core/errors.ts'
import type { TrackedEvent } from '../core/event.ts'
import type { Position } from '../core/sequence.ts'
import { includes } from '../core/spans.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { StreamState } from '../core/stream-state.ts'
import type { StreamHistory } from '../ports/stream-history.ts'

const chunk = 500

/**
 * The highest event above a place and up to the position.
 *
 * @throws InturnError `history-unavailable` when the history lacks the last event that came
 */
export async function topOfHistory(
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
