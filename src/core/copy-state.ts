// A copy of a stream's state that shares nothing changeable with it, for stores that keep states as objects.
// Written out field by field because it runs once a stream and batch.
import type { EndedEpoch, Run, StreamState } from './stream-state.ts'

/** A deep copy of a state. */
export function copyState(state: StreamState): StreamState {
  return {
    epoch: state.epoch,
    position: state.position,
    baseline: state.baseline,
    lost: copySpans(state.lost),
    filled: copySpans(state.filled),
    belowBaseline: copySpans(state.belowBaseline),
    ended: state.ended.length === 0 ? [] : state.ended.map(copyEnded),
    endedNumbers: state.endedNumbers,
    held: state.held.length === 0 ? [] : state.held.map((span) => ({ ...span, clock: { ...span.clock } })),
    heldCount: state.heldCount,
    memory: state.memory.slice(),
    firstPrint: state.firstPrint,
    newest: state.newest,
    producers: state.producers.slice(),
    duplicates: state.duplicates === undefined ? undefined : { ...state.duplicates },
    restart: state.restart === undefined ? undefined : { ...state.restart },
    runs: state.runs.length === 0 ? [] : state.runs.map(copyRun),
    provenAbove: state.provenAbove,
    halt: copyHalt(state.halt),
    failing: state.failing === undefined ? undefined : { ...state.failing },
    caution: state.caution,
    counts: { ...state.counts },
    overflow: state.overflow,
  }
}

function copyEnded(ended: EndedEpoch): EndedEpoch {
  return { ...ended, lost: copySpans(ended.lost), filled: copySpans(ended.filled) }
}

function copyRun(run: Run): Run {
  return run.earlier === undefined ? { ...run } : { ...run, earlier: run.earlier.slice() }
}

function copyHalt(halt: StreamState['halt']): StreamState['halt'] {
  if (halt?.gapTo === undefined) return halt === undefined ? undefined : { ...halt }
  return { ...halt, gapTo: { ...halt.gapTo } }
}

function copySpans<Item extends object>(spans: readonly Item[]): Item[] {
  return spans.length === 0 ? [] : spans.map((span) => ({ ...span }))
}
