// Timers that move only when they are told to, so that hours pass in milliseconds and every run is the same.
// What is due fires one by one, in order of time, and whatever it sets off is finished before the next one.
import type { Timers } from '../ports/timers.ts'

interface Waiting {
  readonly at: number
  readonly order: number
  readonly callback: () => void
}

/**
 * Virtual time. Works for code that waits only through {@link Timers}; real input and output is not waited
 * for.
 */
export class VirtualTimers implements Timers {
  #elapsedMs = 0
  #orders = 0
  /** Ascending by time, then by when it was set. */
  readonly #waiting: Waiting[] = []

  elapsedMs(): number {
    return this.#elapsedMs
  }

  after(ms: number, callback: () => void): () => void {
    const at = this.#elapsedMs + Math.max(0, ms)
    const waiting: Waiting = { at, order: this.#orders++, callback }
    this.#waiting.splice(this.#placeOf(waiting), 0, waiting)
    return () => {
      const index = this.#waiting.indexOf(waiting)
      if (index !== -1) this.#waiting.splice(index, 1)
    }
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return
    await new Promise<void>((resolve) => {
      const end = (): void => {
        cancel()
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const cancel = this.after(ms, end)
      signal?.addEventListener('abort', end, { once: true })
    })
  }

  /** When the next callback is due, in elapsed milliseconds; `undefined` when nothing waits. */
  get nextAtMs(): number | undefined {
    return this.#waiting[0]?.at
  }

  /**
   * Lets `ms` pass: fires all that falls due, each after what the one before has set off has come to rest.
   */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsedMs + ms
    await this.rest()
    for (let next = this.#waiting[0]; next !== undefined && next.at <= until; next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#elapsedMs = Math.max(this.#elapsedMs, next.at)
      next.callback()
      await this.rest()
    }
    this.#elapsedMs = until
  }

  /** Resolves once every promise that can go on without time passing has gone on. */
  async rest(): Promise<void> {
    await new Promise<void>((resolve) => {
      process.nextTick(resolve)
    })
  }

  #placeOf(waiting: Waiting): number {
    let at = this.#waiting.length
    while (at > 0 && (this.#waiting[at - 1]?.at ?? 0) > waiting.at) at--
    return at
  }
}
