import type { AroundCall } from '../../src/ports/port-call.ts'
// The life of one simulated worker process. Once it has died, none of its calls returns or has an effect any
// more, and none of its timers fires: what it had in memory is gone, what it had made durable is not.
import type { Timers } from '../../src/ports/timers.ts'

/** What befalls a process in front of and behind each of its calls. */
export interface Fate {
  readonly dies: (where: string) => boolean
  /** For how long it stands still, as in a long collection of garbage; 0: not at all. */
  readonly stallMs: () => number
}

/** One process. */
export class Lifeline {
  readonly timers: Timers
  readonly #fate: Fate
  readonly #world: Timers
  #stalledUntilMs = 0
  readonly #deaths: (() => void)[] = []
  readonly #timersUnderWay = new Set<() => void>()
  #isDead = false

  constructor(timers: Timers, fate: Fate) {
    this.#fate = fate
    this.#world = timers
    this.timers = this.#mortal(timers)
  }

  get isDead(): boolean {
    return this.#isDead
  }

  /** Calls back when the process dies, or at once if it has. */
  onDeath(callback: () => void): void {
    if (this.#isDead) callback()
    else this.#deaths.push(callback)
  }

  die(): void {
    if (this.#isDead) return
    this.#isDead = true
    for (const cancel of this.#timersUnderWay) cancel()
    for (const callback of this.#deaths) callback()
  }

  /** Resolves as the action does, unless the process is dead, or dies in front of it, in it, or behind it. */
  async during<Result>(where: string, action: () => Promise<Result>): Promise<Result> {
    await this.step(`before ${where}`)
    try {
      const result = await action()
      await this.step(`after ${where}`)
      return result
    } catch (error) {
      await this.step(`after ${where}`)
      throw error
    }
  }

  /** A moment in which the process may die, and nothing resolves any more, or stand still for a while. */
  async step(where: string): Promise<void> {
    if (!this.#isDead && this.#fate.dies(where)) this.die()
    const stallMs = this.#isDead ? 0 : this.#fate.stallMs()
    if (stallMs > 0) this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.#world.elapsedMs() + stallMs)
    for (let leftMs = this.#stallLeftMs(); leftMs > 0; leftMs = this.#stallLeftMs()) {
      await this.#world.sleep(leftMs)
    }
    // A promise of its own each time: one for all would keep everything that ever waited for it.
    if (this.#isDead) await new Promise<never>(() => undefined)
  }

  /** Puts the process's life around the calls of a port. */
  around<Method extends string>(port: string): AroundCall<Method> {
    return ({ method }, run) => this.during(`${port}.${method}`, run)
  }

  #stallLeftMs(): number {
    return this.#isDead ? 0 : this.#stalledUntilMs - this.#world.elapsedMs()
  }

  #mortal(timers: Timers): Timers {
    const after = (ms: number, callback: () => void): (() => void) => {
      if (this.#isDead) return () => undefined
      const fire = (): void => {
        const leftMs = this.#stallLeftMs()
        if (leftMs > 0) {
          cancelOwn = timers.after(leftMs, fire)
          return
        }
        this.#timersUnderWay.delete(cancel)
        callback()
      }
      let cancelOwn = timers.after(ms, fire)
      const cancel = (): void => {
        this.#timersUnderWay.delete(cancel)
        cancelOwn()
      }
      this.#timersUnderWay.add(cancel)
      return cancel
    }
    return {
      elapsedMs: () => timers.elapsedMs(),
      after,
      sleep: async (ms, signal) => {
        if (signal?.aborted === true) return
        await new Promise<void>((resolve) => {
          const end = (): void => {
            cancel()
            signal?.removeEventListener('abort', end)
            resolve()
          }
          const cancel = after(ms, end)
          signal?.addEventListener('abort', end, { once: true })
        })
      },
    }
  }
}
