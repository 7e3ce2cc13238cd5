// Asks a healer once. Whatever it does counts as an answer: one that throws, hangs or lies has found nothing.
// Upholds I7: an answer is waited for no longer than it may take, and taken no larger than it may be.
import { asError } from '../../core/thrown.ts'
import type { Healer, HealRequest } from '../../ports/healer.ts'
import type { Timers } from '../../ports/timers.ts'

/** What a healer said. */
export interface HealAnswer {
  readonly messages: readonly unknown[]
  /** What was wrong with it. */
  readonly problem?: Error
  /** It took longer than it may, and may still be at work. */
  readonly isLate?: boolean
  /** Nobody wanted the answer any more. */
  readonly isUnwanted?: boolean
}

/** How many times the messages that were asked for are taken. */
const answerTimes = 4

/**
 * Asks a healer.
 *
 * @param controller - aborted here when time is up; by others when the answer is not wanted any more
 */
export async function askHealer(
  healer: Healer,
  request: Omit<HealRequest, 'signal'>,
  how: { readonly timers: Timers; readonly timeoutMs: number; readonly controller: AbortController },
): Promise<HealAnswer> {
  const { timers, timeoutMs, controller } = how
  const { signal } = controller
  const ended = Promise.withResolvers<HealAnswer>()
  const onAbort = (): void => ended.resolve({ messages: [], isUnwanted: true })
  const cancel = timers.after(timeoutMs, () => {
    const problem = new Error(`${healer.name} took longer than ${timeoutMs} ms`)
    ended.resolve({ messages: [], problem, isLate: true })
    controller.abort(problem)
  })
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([answerOf(healer, { ...request, signal }), ended.promise])
  } finally {
    cancel()
    signal.removeEventListener('abort', onAbort)
  }
}

async function answerOf(healer: Healer, request: HealRequest): Promise<HealAnswer> {
  try {
    const answer: unknown = await healer.heal(request)
    if (!isList(answer))
      return { messages: [], problem: new Error(`${healer.name} gave no list of messages`) }
    const most = request.limit * answerTimes
    // Taken out of the list here, where a list that is only half one is the healer's failure.
    const { length } = answer
    const messages = Array.from({ length: Math.min(length, most) }, (_, at) => answer[at])
    if (length <= most) return { messages }
    const gave = `${healer.name} gave ${length} messages, asked for ${request.limit}`
    return { messages, problem: new Error(`${gave}: ${most} were taken`) }
  } catch (error) {
    return { messages: [], problem: asError(error) }
  }
}

function isList(answer: unknown): answer is readonly unknown[] {
  return Array.isArray(answer)
}
