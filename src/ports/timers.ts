// Time and randomness as the engine needs them. It has no other access to either, which is what makes it
// possible to run it on virtual time from a seed.

/** Waiting. Clocks that decide anything are the store's, not these. */
export interface Timers {
  /** Milliseconds since some start; never goes backwards. */
  elapsedMs(): number
  /** Resolves after `ms`, or as soon as the signal fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /**
   * Calls back once after `ms`; the returned function cancels it. What is in the background does not keep a
   * process alive that has nothing else to do.
   */
  after(ms: number, callback: () => void, options?: { readonly isBackground?: boolean }): () => void
}

/** A source of randomness, for jitter and names. */
export interface Random {
  /** From 0 to below 1. */
  next(): number
}

/** Node makes the global one anew at each look: that takes as long as to read the clock. */
const clock = performance

/** The machine's own timers. */
export const systemTimers: Timers = {
  elapsedMs: () => clock.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve()
        return
      }
      const end = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, ms)
      signal?.addEventListener('abort', end, { once: true })
    }),
  after: (ms, callback, options) => {
    const timer = setTimeout(callback, ms)
    if (options?.isBackground === true) timer.unref()
    return () => clearTimeout(timer)
  },
}

/** Waits until work has ended, well or not, and no longer than so many milliseconds. */
export async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  const ended = new AbortController()
  const end = (): void => ended.abort()
  work.then(end, end)
  await systemTimers.sleep(ms, ended.signal)
}

/** The machine's own clock, in milliseconds since 1970. It may be set, forwards and back. */
export const systemClock: () => number = Date.now

/** The machine's own randomness. */
export const systemRandom: Random = { next: Math.random }
