// The position of a stream that was tracked by something else before. Upholds I3: only a stream of which
// nothing is known yet takes one.
import { importedStream } from '../head.ts'
import type { RuledStream } from '../run-pass.ts'
import type { Position } from '../sequence.ts'
import { haltStops } from '../stream-state.ts'
import type { Operated } from './operated.ts'
import { declined } from './operated.ts'

/** Imports a position into a stream without one. Pure. */
export function importPosition({ rules, state }: RuledStream, position: Position): Operated {
  const { numbering } = rules
  const { sequence } = position
  if (state.position !== undefined) return declined(`it has the position ${String(state.position)} already`)
  if (state.heldCount > 0) return declined(`it holds ${state.heldCount} events already`)
  if (haltStops(state)) return declined('it is halted')
  if (numbering.kind === 'contiguous') {
    if (!Number.isSafeInteger(sequence)) return declined(`${String(sequence)} is beyond 2^53 - 1`)
    const lowest =
      numbering.start === 'first-seen' ? Math.min(0, numbering.wrapsTo ?? 0) : numbering.start - 1
    if (sequence < lowest) {
      return declined(`its numbers begin at ${numbering.start}: the lowest position is ${lowest}`)
    }
  }
  const { belowBaseline, quarantine } = state
  const imported = { ...importedStream(rules, position), belowBaseline, quarantine }
  return { kind: 'granted', state: imported, done: `its position is ${String(sequence)}` }
}
