// An operator stops one stream. What comes is held until the operator ends the halt.
import type { Halt, StreamState } from '../stream-state.ts'
import { haltStops } from '../stream-state.ts'
import type { Operated } from './operated.ts'
import { declined } from './operated.ts'

const causes: Partial<Record<Halt['cause'], string>> = {
  gap: 'a gap',
  restart: 'a producer that may count again',
}

/** Halts a stream in the operator's name. Pure. */
export function haltStream(
  state: StreamState,
  halt: { readonly by: string; readonly reason: string; readonly at: number },
): Operated {
  if (state.halt !== undefined && haltStops(state)) {
    const { cause, by, reason } = state.halt
    const who = by === undefined ? `over ${causes[cause] ?? 'a failure'}` : `by ${by}`
    return declined(`it is halted already, ${who}: ${reason}`)
  }
  const { at, by, reason } = halt
  const done = 'it is halted; what comes is held until it is resumed'
  return {
    kind: 'granted',
    state: { ...state, halt: { cause: 'operator', at, by, reason } },
    done,
  }
}
