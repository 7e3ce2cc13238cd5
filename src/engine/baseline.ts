// Asks a domain's `baseline` hook where a stream begins of which nothing is known yet. A hook that fails says
// nothing: its stream waits for the start, as without one, and is asked about again with the next event.
// Upholds I3.
import { InturnError } from '../core/errors.ts'
import type { EventArrival } from '../core/pass.ts'
import type { Position } from '../core/sequence.ts'
import { after, comparePositions } from '../core/sequence.ts'
import type { StreamState } from '../core/stream-state.ts'
import { asError } from '../core/thrown.ts'
import type { EngineParts } from './engine-parts.ts'
import type { StreamBatch } from './stream-batch.ts'
import type { TurnArrival } from './turn-outcome.ts'
import { withinTime } from './within-time.ts'

/** The state of a stream, or, for an unknown one, where its domain's baseline says that it begins. */
export async function startedState(
  parts: EngineParts,
  { domain, path, stream }: StreamBatch,
  known: { readonly state: StreamState; readonly arrivals: readonly TurnArrival[] },
): Promise<StreamState> {
  const { state, arrivals } = known
  const { baseline, rules, timeoutMs: ms } = domain
  const { numbering } = rules
  if (baseline === undefined || state.position !== undefined || numbering.kind !== 'contiguous') return state
  const first = lowestPlace(state, arrivals)
  const begin = Number(numbering.start)
  if (first === undefined || !(first.sequence > begin)) return state
  const late = (): Error => new InturnError('handler-timeout', `baseline took longer than ${ms} ms`)
  try {
    const asked = async (): Promise<number | undefined> => baseline(stream, first)
    const start = checkedStart(await withinTime(parts, asked(), { ms, late }))
    if (start === undefined || start <= begin) return state
    const baselined = state.held.length === 0 ? start : Math.min(start, Number(first.sequence))
    return { ...state, epoch: first.epoch, position: baselined - 1, baseline: baselined }
  } catch (error) {
    if (parts.stop.aborted) throw error
    parts.telemetry({ kind: 'baseline-failed', stream: path, error: asError(error) })
    return state
  }
}

/** The lowest number of a stream that is held, or is its first arrival. */
function lowestPlace(state: StreamState, arrivals: readonly TurnArrival[]): Position | undefined {
  const [head] = state.held
  const held =
    head === undefined || head.after === null ? undefined : { epoch: head.epoch, sequence: after(head.after) }
  const first = arrivals.map(({ arrival }) => arrival).find(isEventArrival)
  const come = first && { epoch: first.epoch, sequence: first.sequence }
  if (held === undefined || come === undefined) return come
  return comparePositions(held, come) < 0 ? held : come
}

function isEventArrival(arrival: TurnArrival['arrival']): arrival is EventArrival {
  return arrival.kind === 'event'
}

function checkedStart(start: number | undefined): number | undefined {
  if (start === undefined || Number.isSafeInteger(start)) return start
  throw new TypeError(`baseline gives a whole number or undefined, not ${String(start)}`)
}
