// What an explanation says of the attempts at a failing event: those that were made, the one under way, and
// the next. In quarantine an attempt is kept before its handler starts as if its worker had died, so nothing
// is said of that for as long as it is under way.
import { moment, momentFrom } from '../core/time-words.ts'
import type { Explanation, NextStep } from './explain.ts'

/** Whether an attempt in quarantine has not ended yet, as far as can be told. */
export function isUnderWay({
  failing,
  claimedBy,
  now,
}: Pick<Explanation, 'failing' | 'claimedBy' | 'now'>): boolean {
  if (failing?.runningBy === undefined) return false
  if (claimedBy !== undefined) return claimedBy === failing.runningBy
  return failing.retryAt === undefined || failing.retryAt > now
}

/** The attempts that were made, and the error of the last one. */
export function triedWords(about: Explanation): readonly string[] {
  const { failing, attemptsMax, halt, now } = about
  if (failing === undefined) return []
  if (halt?.cause === 'schema') {
    return failing.attempts === 0 ? [] : [`  its handler was called ${failing.attempts} times before`]
  }
  const most = attemptsMax === undefined ? '' : ` of ${attemptsMax}`
  return [
    `  tried ${failing.attempts}${most} times, first ${momentFrom(failing.firstAt, now)}`,
    ...(isUnderWay(about) ? [] : [`  the error: ${failing.error}`, ...stackWords(failing)]),
  ]
}

/** The first lines of the stack that was kept with an error. */
function stackWords({ stack }: { readonly stack?: string }): readonly string[] {
  return stack === undefined ? [] : stack.split('\n').map((line) => `    ${line}`)
}

/** Who makes an attempt, or began one that never ended. */
export function runningWords(about: Explanation): readonly string[] {
  const { retryAt, runningBy } = about.failing ?? {}
  if (runningBy === undefined) return []
  if (!isUnderWay(about)) {
    return [`  worker ${runningBy} began an attempt that has not ended: it died, or is very slow`]
  }
  const step = retryAt === undefined ? '' : `; if it dies, the next step is due ${dueWords(about, retryAt)}`
  return [`  worker ${runningBy} makes an attempt now${step}`]
}

/** When the event is tried again. */
export function nextAttemptWords(
  about: Explanation,
  { at, attempt }: Extract<NextStep, { readonly kind: 'attempt' }>,
): string {
  const unless = isUnderWay(about) ? 'unless the one under way succeeds, ' : ''
  return `${unless}attempt ${attempt} is due ${dueWords(about, at)}.`
}

/** What happens now that no attempt is left. */
export function giveUpWords(
  about: Explanation,
  { at, then }: Extract<NextStep, { readonly kind: 'give-up' }>,
): string {
  const end = then === 'halt' ? 'the stream halts' : 'the event becomes a dead letter'
  const unless = isUnderWay(about) ? 'unless the one under way succeeds, ' : ''
  return `no attempt is left: ${unless}${end}, ${dueWords(about, at)}.`
}

/** When something is due: while an attempt outlasts its time, once its worker's claim has ended. */
function dueWords(about: Explanation, at: number): string {
  if (at > about.now) return `at ${moment(at)}`
  return isUnderWay(about) ? 'once its claim has ended' : 'now'
}
