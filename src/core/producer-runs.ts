// Which run of its producer an event is of, where one counts again under the same epoch: each run is an epoch
// of its own, told apart by event times or by the producer's name. Upholds I1 and I3: an event is never
// taken for one of another run, and where that is not certain it is kept apart.
import { fingerprint } from './fingerprint.ts'
import type { Draft, Made } from './pass.ts'
import type { Epoch } from './sequence.ts'
import type { Clock, Run } from './stream-state.ts'

/** Producers of a stream that are remembered; where there are as many, only times tell. */
export const producersMax = 8

const dated = /^\d{4}-\d\d-\d\d/
const zoned = /(?:[zZ]|[+-]\d\d:?\d\d)$/
const digits = /^\d{1,19}$/

/** When and by whom an event or a fill was made, as far as it says so. */
export function madeOf({ time, producer }: { readonly time?: string; readonly producer?: string }): Made {
  const at = time === undefined ? undefined : readTime(time)
  return {
    ...(at !== undefined && { time: at }),
    ...(producer !== undefined && { producer: fingerprint(producer) }),
  }
}

/**
 * An event's time in milliseconds since 1970: of an ISO 8601 text (UTC where it names no zone), or of digits,
 * which are seconds, milliseconds, microseconds or nanoseconds by their size. `undefined` for anything else.
 */
export function readTime(text: string): number | undefined {
  let ms = Number.NaN
  if (dated.test(text)) ms = Date.parse(text.length === 10 || zoned.test(text) ? text : `${text}Z`)
  else if (digits.test(text)) ms = unixMs(Number(text))
  return ms >= 0 ? Math.floor(ms) : undefined
}

/** In each unit the years 1973 to 5138 have a size of their own. */
function unixMs(value: number): number {
  if (value < 1e11) return value * 1_000
  if (value < 1e14) return value
  return value < 1e17 ? value / 1_000 : value / 1_000_000
}

/** How many runs of a stream are known; an ended one that is forgotten is stale as a whole. */
export const runsMax = 8

/** The epoch that something is of; `undefined` where it is of no run for certain. */
export function epochInRuns(runs: readonly Run[], mark: Made & { readonly epoch: Epoch }): Epoch | undefined {
  const [first] = runs
  if (first === undefined) return mark.epoch
  let shift = first.epoch - first.wireEpoch - 1
  for (const run of runs) {
    if (run.wireEpoch > mark.epoch) break
    if (run.wireEpoch === mark.epoch) {
      const isOf = isOfRun(run, mark)
      if (isOf === undefined) return undefined
      if (!isOf) break
    }
    shift = run.epoch - run.wireEpoch
  }
  return mark.epoch + shift
}

/**
 * How far ahead of the store's clock the time of an event is believed: a day, which is more than any time
 * zone that was left out. One wrong time must not hide all that comes behind it.
 */
const aheadMaxMs = 86_400_000
/** Times further ahead that are remembered, those that are due first: their copies may be believed then. */
const aheadKeptMax = 8

/** The time of an event; `undefined` where it has none that can be believed. */
export function believedTime({ time }: Made, { now }: Pick<Clock, 'now'>): number | undefined {
  return time === undefined || time > now + aheadMaxMs ? undefined : time
}

/** Takes in when and by whom an event that is delivered or held was made. */
export function noteAccepted(draft: Draft, made: Made, clock: Pick<Clock, 'now'>): void {
  const { producer } = made
  if (made.time !== undefined) noteTime(draft, made.time, clock)
  if (producer === undefined || producer === draft.producers.at(-1)) return
  draft.producers = [...draft.producers.filter((one) => one !== producer), producer].slice(-producersMax)
}

function noteTime(draft: Draft, time: number, clock: Pick<Clock, 'now'>): void {
  if (believedTime({ time }, clock) === undefined) {
    if (draft.ahead.includes(time)) return
    draft.ahead = [...draft.ahead, time].sort((a, b) => a - b).slice(0, aheadKeptMax)
  } else if (draft.newest === undefined || time > draft.newest) {
    draft.newest = time
    if (draft.ahead.length > 0) draft.ahead = draft.ahead.filter((one) => one > time)
  }
}

/** The epoch as its producer writes it. */
export function wireEpochOf(runs: readonly Run[], epoch: Epoch): Epoch {
  const [first] = runs
  if (first === undefined) return epoch
  const run = runs.findLast((one) => one.epoch <= epoch)
  return epoch - (run === undefined ? first.epoch - first.wireEpoch - 1 : run.epoch - run.wireEpoch)
}

/** Whether something is of a run or a later one, and not of the runs before; `undefined`: not known. */
function isOfRun({ since, after, earlier }: Run, { time, producer }: Made): boolean | undefined {
  if (earlier !== undefined) return producer === undefined ? undefined : !earlier.includes(producer)
  if (since === undefined || time === undefined) return undefined
  if (time >= since) return true
  return after !== undefined && time > after ? undefined : false
}
