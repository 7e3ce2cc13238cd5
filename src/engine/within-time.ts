// Waits for what a user's code does, but not without end: no longer than it may take, and not beyond the
// engine's own end. Upholds I7.
import { InturnError } from '../core/errors.ts'
import type { EngineParts } from './engine-parts.ts'

/** The error of work that is broken off, or not begun, because the engine ends. */
export function shuttingDown(): InturnError {
  return new InturnError('shutting-down', 'the worker was stopped while a handler ran', { retryable: true })
}

/**
 * What the work comes to; rejects with `late()` after `ms`, and with `shutting-down` when the engine ends.
 */
export async function withinTime<Result>(
  { timers, stop }: Pick<EngineParts, 'timers' | 'stop'>,
  work: PromiseLike<Result>,
  limit: { readonly ms: number; readonly late: () => Error },
): Promise<Result> {
  let cancel = (): void => undefined
  const end = new Promise<never>((_resolve, reject) => {
    const onStop = (): void => reject(shuttingDown())
    const stopTimer = timers.after(limit.ms, () => reject(limit.late()))
    if (stop.aborted) onStop()
    else stop.addEventListener('abort', onStop, { once: true })
    cancel = () => {
      stopTimer()
      stop.removeEventListener('abort', onStop)
    }
  })
  try {
    return await Promise.race([work, end])
  } finally {
    cancel()
  }
}
