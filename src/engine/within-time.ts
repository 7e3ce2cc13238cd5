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
export function withinTime<Result>(
  { timers, stop }: Pick<EngineParts, 'timers' | 'stop'>,
  work: PromiseLike<Result>,
  limit: { readonly ms: number; readonly late: () => Error },
): Promise<Result> {
  const own = Promise.resolve(work)
  return new Promise<Result>((resolve, reject) => {
    const waiting = waitingFor(stop)
    const end = (): void => {
      stopTimer()
      waiting.delete(onStop)
    }
    const onStop = (): void => {
      end()
      reject(shuttingDown())
    }
    const stopTimer = timers.after(limit.ms, () => {
      end()
      reject(limit.late())
    })
    const settle = (): void => {
      end()
      resolve(own)
    }
    waiting.add(onStop)
    own.then(settle, settle)
    if (stop.aborted) onStop()
  })
}

/** Who is to be told when an engine ends. A listener of its own for each costs more than all else here. */
const stops = new WeakMap<AbortSignal, Set<() => void>>()

function waitingFor(stop: AbortSignal): Set<() => void> {
  const known = stops.get(stop)
  if (known !== undefined) return known
  const waiting = new Set<() => void>()
  stops.set(stop, waiting)
  stop.addEventListener('abort', () => waiting.forEach((tell) => tell()), { once: true })
  return waiting
}
