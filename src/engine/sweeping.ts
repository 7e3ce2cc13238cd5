// The sweeps of a processor that nobody has to call: by a timer that keeps no process alive, and along with
// `process`, where no timer was heard in time because the function was frozen between its calls. Upholds I8
// (beats while reading) and I10: a store that fails is told, and tried again.
//
// States: idle (nothing was processed yet) -> waiting <-> sweeping -> ended.
import { givenText } from '../core/check-names.ts'
import { InturnError } from '../core/errors.ts'
import { errorMessage } from '../core/thrown.ts'
import type { Engine } from './batch.ts'
import type { EngineParts } from './engine-parts.ts'
import type { ProcessorOptions } from './processor-options.ts'
import { beat } from './quarantine.ts'

const everyMs = 1_000
const longestRetryMs = 10_000

/** What sweeps. */
interface SweepParts {
  readonly parts: EngineParts
  readonly engine: Engine
  /** Called when positions may have moved. */
  readonly moved: () => void
}

/** The sweeps of one processor. */
export class Sweeping {
  readonly #mode: ProcessorOptions['sweep']
  readonly #parts: EngineParts
  readonly #engine: Engine
  readonly #moved: () => void
  /** In elapsed milliseconds. The first call finds one due. */
  #dueMs = -Infinity
  #failures = 0
  #cancel: (() => void) | undefined
  #running: Promise<void> | undefined

  /** @throws InturnError `config-invalid` */
  constructor(mode: ProcessorOptions['sweep'], { parts, engine, moved }: SweepParts) {
    if (mode !== undefined && mode !== 'manual' && mode !== 'with-process') {
      throw new InturnError(
        'config-invalid',
        `sweep takes 'manual' or 'with-process', not ${givenText(mode)}`,
      )
    }
    this.#mode = mode
    this.#parts = parts
    this.#engine = engine
    this.#moved = moved
  }

  /** Sweeps from now on, about every second. */
  begin(): void {
    if (this.#mode === undefined && this.#cancel === undefined) this.#wait(everyMs)
  }

  /** Sweeps because somebody asks for it, and waits for what healers say. */
  async run(): Promise<number> {
    this.begin()
    const moved = await this.#sweep()
    await this.#healed()
    return moved
  }

  /** Takes a sweep along that should have been made, and waits for what its healers say. */
  async takeAlong(): Promise<void> {
    if (this.#mode === 'manual' || this.#running !== undefined || this.#parts.stop.aborted) return
    if (this.#parts.timers.elapsedMs() >= this.#dueMs + everyMs) await this.#attempt(() => this.#healed())
  }

  /** Makes no more. Resolves once the one that is under way has ended. */
  async end(): Promise<void> {
    this.#cancel?.()
    await this.#running
  }

  #wait(ms: number): void {
    const { timers, stop } = this.#parts
    if (stop.aborted) return
    this.#cancel = timers.after(ms, () => void this.#turn(), { isBackground: true })
  }

  async #turn(): Promise<void> {
    const { timers } = this.#parts
    if (this.#running !== undefined) await this.#running
    else if (timers.elapsedMs() >= this.#dueMs) await this.#attempt()
    this.#wait(Math.max(0, this.#dueMs - timers.elapsedMs()))
  }

  async #sweep(): Promise<number> {
    this.#dueMs = this.#parts.timers.elapsedMs() + everyMs
    await beat(this.#parts)
    const moved = await this.#engine.sweep(this.#parts.batchMax)
    this.#moved()
    return moved
  }

  async #healed(): Promise<void> {
    await this.#engine.healing.settled()
    this.#moved()
  }

  /** Sweeps once; a failure is told and waited out. */
  #attempt(then?: () => Promise<void>): Promise<void> {
    const { batchMax, telemetry, timers, stop } = this.#parts
    const attempt = async (): Promise<void> => {
      try {
        const moved = await this.#sweep()
        await then?.()
        if (moved >= batchMax) this.#dueMs = timers.elapsedMs()
        if (this.#failures > 0) telemetry({ kind: 'recovered' })
        this.#failures = 0
      } catch (error) {
        if (stop.aborted) return
        const retryInMs = Math.min(longestRetryMs, everyMs * 2 ** this.#failures++)
        this.#dueMs = timers.elapsedMs() + retryInMs
        telemetry({ kind: 'store-failed', error: known(error), retryInMs })
      } finally {
        this.#running = undefined
      }
    }
    this.#running = attempt()
    return this.#running
  }
}

function known(error: unknown): InturnError {
  if (error instanceof InturnError) return error
  return new InturnError('invariant-violated', `a sweep failed: ${errorMessage(error)}`, { cause: error })
}
