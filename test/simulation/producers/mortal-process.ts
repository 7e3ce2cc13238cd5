// A process of the simulation: it runs its program, dies at any call of a port, and begins it again with
// nothing but what it has on its disk.
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { Lifeline } from '../lifeline.ts'
import type { ProducerWorld } from './producer-world.ts'

/** One life of a process, as its program sees it. */
export interface Living {
  /** Another one in each life. */
  readonly id: string
  readonly life: Lifeline
  readonly random: SeededRandom
  /** Fires when the process is to end by itself. */
  readonly stop: AbortSignal
}

/** What a process does. It has ended once this resolves. */
export type Program = (living: Living) => Promise<void>

/** A process that dies and comes back. */
export class MortalProcess {
  readonly name: string
  readonly #world: ProducerWorld
  readonly #program: Program
  readonly #random: SeededRandom
  readonly #stop = new AbortController()
  #lives = 0
  #lifeline: Lifeline | undefined
  #isDone = false

  constructor(world: ProducerWorld, name: string, program: Program) {
    this.name = name
    this.#world = world
    this.#program = program
    this.#random = new SeededRandom(world.random.whole(0, 2 ** 31))
  }

  /** Whether its program has come to its end. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Begins a new life, unless one goes on, or there is to be none. */
  start(): void {
    if (this.#stop.signal.aborted) this.#isDone = true
    if (this.#isDone || (this.#lifeline !== undefined && !this.#lifeline.isDead)) return
    const id = `${this.name}.${++this.#lives}`
    const life = new Lifeline(this.#world.timers, {
      dies: (where) => this.#dies(id, where),
      stallMs: () => this.#stallMs(id),
    })
    this.#lifeline = life
    this.#world.note(`${id} begins`)
    const ended = this.#program({ id, life, random: this.#random.fork(), stop: this.#stop.signal })
    ended.then(
      () => {
        if (!life.isDead) this.#isDone = true
      },
      (error: unknown) => {
        if (life.isDead) return
        this.#world.crashed(id, error)
        this.#isDone = true
      },
    )
  }

  /** Lets it end by itself. */
  stop(): void {
    this.#stop.abort()
  }

  #dies(id: string, where: string): boolean {
    const { isTroubled, scenario, timers } = this.#world
    if (!isTroubled || !this.#random.chance(scenario.troubles.death)) return false
    this.#world.note(`${id} dies ${where}`)
    timers.after(this.#random.whole(100, 8_000), () => this.start())
    return true
  }

  #stallMs(id: string): number {
    const { isTroubled, scenario } = this.#world
    const { troubles, leaseMs, claimMs } = scenario
    if (!isTroubled || !this.#random.chance(troubles.stall)) return 0
    const ms = this.#random.whole(leaseMs / 2, Math.max(leaseMs, claimMs) * 2)
    this.#world.note(`${id} stands still for ${ms} ms`)
    return ms
  }
}

/** Makes a call again until it succeeds, as long as its failures are of a kind that waiting mends. */
export async function retried<Result>(
  { life, random }: Living,
  call: () => Promise<Result>,
): Promise<Result> {
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (!isRetryable(error)) throw error
      await life.timers.sleep(random.whole(10, 500))
    }
  }
}

function isRetryable(error: unknown): boolean {
  return error instanceof Error && 'retryable' in error && error.retryable === true
}
