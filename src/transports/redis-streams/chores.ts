// What a source does beside reading, again and again, until it is closed.
import { systemTimers } from '../../ports/timers.ts'

/** Something to do; it should end soon once the signal fires. */
type Task = (signal: AbortSignal) => Promise<void>

/** Tasks that are repeated. */
export class Chores {
  readonly #stopped = new AbortController()
  readonly #running: Promise<void>[] = []

  /** Does a task so long after its last time, until stopped; a failure is told, and does not end it. */
  every(ms: number, task: Task, onFailure: (error: unknown) => void): void {
    this.#running.push(this.#repeat(ms, task, onFailure))
  }

  /** Resolves once nothing is being done any more. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    await Promise.all(this.#running)
  }

  async #repeat(ms: number, task: Task, onFailure: (error: unknown) => void): Promise<void> {
    const { signal } = this.#stopped
    for (;;) {
      await systemTimers.sleep(ms, signal)
      if (signal.aborted) return
      await task(signal).catch(onFailure)
    }
  }
}
