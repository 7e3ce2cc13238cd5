// An operator says that a producer has counted again, or that it has not: what came since is of the next
// epoch, or it is copies. Upholds I3: nothing that was refused meanwhile is lost either way.
import { runsMax } from '../producer-runs.ts'
import { currentEpoch, isNextEpochFree, nextRun } from '../restart.ts'
import type { StreamState } from '../stream-state.ts'
import type { Operated } from './operated.ts'
import { declined } from './operated.ts'

/**
 * What was made at `since` or later is of the next epoch from now on; it opens when its first number comes.
 * Without `since`, what tells is what the signs say: the time of the earliest event, or the producer. A halt
 * over it ends. Pure.
 */
export function openNextRun(state: StreamState, since: number | undefined): Operated {
  const { restart, newest, halt } = state
  const epoch = currentEpoch(state)
  if (epoch === undefined) return declined('nothing of it has come yet, and whatever comes first begins it')
  const next = epoch + 1
  if (!isNextEpochFree(state)) return declined(`epoch ${next} is in use: its producer has written it itself`)
  const from = since ?? (restart?.evidence === 'time' ? restart.since : undefined)
  if (from === undefined && restart?.evidence !== 'producer') return declined(whyNothingTells(state))
  const known = newest !== undefined && from !== undefined && newest >= from
  const run = nextRun(state, { epoch, since: from })
  const settled = restart?.settled ?? 0
  const others = 'and what is a dead letter (conflict) has no place in it'
  const told = [
    from === undefined
      ? `what other producers make is of epoch ${next} from now on`
      : `what was made at ${new Date(from).toISOString()} or later is of epoch ${next} from now on`,
    ...(settled === 0
      ? []
      : [`${settled} events that came before were settled as duplicates, ${others}: have them sent again`]),
    ...(known ? [`others were taken for events of epoch ${epoch} already`] : []),
  ]
  return {
    kind: 'granted',
    state: {
      ...state,
      runs: [...state.runs, run].slice(-runsMax),
      restart: undefined,
      halt: halt?.cause === 'restart' ? undefined : halt,
    },
    done: told.join('; '),
  }
}

/** What may be of a new run is copies, says an operator: their times and their producer are known then. */
export function asCopies(state: StreamState): StreamState {
  const { restart, newest, producers, halt } = state
  if (restart === undefined) return state
  const { until, producer } = restart
  return {
    ...state,
    newest: until === undefined ? newest : Math.max(newest ?? 0, until),
    producers: producer === undefined ? producers : [producer, ...producers],
    firstPrint: undefined,
    restart: undefined,
    halt: halt?.cause === 'restart' ? undefined : halt,
  }
}

function whyNothingTells({ restart }: StreamState): string {
  if (restart === undefined)
    return 'nothing says that its producer counts again: say since when, with --since <time>'
  const mark = `"epoch": ${restart.wireEpoch + 1}`
  return `its events bear no times and no producer to tell them apart: have the producer write ${mark}`
}
