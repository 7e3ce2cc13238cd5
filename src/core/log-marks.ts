// Where in its log a counter that wraps had gone how far. A log that is read again from far back brings old
// events: measured from the greatest number that was seen since, they would be taken for new ones of later
// turns. Each is measured from where the counter was at its own place instead. Upholds I1 and I3: no event is
// delivered again under another number.
import type { Counter } from './counter.ts'
import type { LogPlace } from './pass.ts'
import type { Epoch } from './sequence.ts'
import type { LogMark, LogMarks } from './stream-state.ts'

/** Where something was read, and of which epoch it is. */
interface Logged {
  readonly epoch: Epoch
  readonly place: LogPlace | undefined
}

/**
 * The number from which a number on the wire is measured: how far the counter had gone when its place in the
 * log was reached first, or `greatest`, of all that was seen, for what is new or comes from elsewhere.
 */
export function referenceAt(
  logged: LogMarks | undefined,
  { epoch, place }: Logged,
  greatest: number,
): number {
  if (place === undefined || logged?.log !== place.log || logged.epoch !== epoch) return greatest
  const { marks } = logged
  const behind = marks.findLast(({ at }) => at <= place.at)
  const isNew = behind === marks.at(-1) && behind?.at !== place.at
  // In front of all marks is what came a turn ago or longer, or before the log was followed.
  return isNew ? greatest : ((behind ?? marks[0])?.greatest ?? greatest)
}

/** Whether something of an epoch that is over lies in front of all that was seen of the open one. */
export function isOfOldEpoch(logged: LogMarks | undefined, { epoch, place }: Logged): boolean {
  const first = logged?.marks[0]
  if (place === undefined || first === undefined || logged?.log !== place.log) return false
  return epoch < logged.epoch && place.at < first.at
}

/**
 * The marks with one more, as far as it says something new: a quarter of a turn apart, back to a number that
 * is `longAgo`, to which nothing that is open is nearest.
 */
export function withMark(
  marks: readonly LogMark[],
  { at, greatest }: LogMark,
  { modulus, longAgo }: Pick<Counter, 'modulus'> & { readonly longAgo: number },
): readonly LogMark[] {
  const [last, before] = [marks.at(-1), marks.at(-2)]
  if (last !== undefined && last.greatest >= greatest) return marks
  const mark = { at: last !== undefined && last.at > at ? last.at : at, greatest }
  const isNear = before !== undefined && greatest - before.greatest <= modulus / 4
  const kept = [...(isNear ? marks.slice(0, -1) : marks), mark]
  const first = kept.findLastIndex((one) => one.greatest <= longAgo)
  return first > 0 ? kept.slice(first) : kept
}

/**
 * The marks up to a number, with which the counter had been in front of the first that is left out. What was
 * read there is measured as ever, and what lies behind as if it were new.
 */
export function withoutBeyond(logged: LogMarks, greatest: number): LogMarks {
  const { marks } = logged
  const end = marks.findIndex((mark) => mark.greatest > greatest)
  const next = marks[end]
  return next === undefined
    ? logged
    : { ...logged, marks: [...marks.slice(0, end), { at: next.at, greatest }] }
}
