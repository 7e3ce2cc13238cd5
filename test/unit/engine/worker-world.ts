// A worker over a source in memory, on virtual time that passes by itself while the worker waits.
import type { RunOptions, Worker, WorkerOptions } from '../../../src/engine/worker.ts'
import { createWorker } from '../../../src/engine/worker.ts'
import type { SourceMethod } from '../../../src/testing/around-source.ts'
import { aroundSource } from '../../../src/testing/around-source.ts'
import type { FaultPlan } from '../../../src/testing/faults.ts'
import { faultySource } from '../../../src/testing/faults.ts'
import type { MemoryDelivery, MemorySource } from '../../../src/transports/memory.ts'
import { memorySource } from '../../../src/transports/memory.ts'
import type { DomainShape } from './engine-world.ts'
import { domain, EngineWorld } from './engine-world.ts'

/** A world with a source. */
export class WorkerWorld extends EngineWorld {
  readonly source: MemorySource
  /** Calls of the source, by name. */
  readonly sourceCalls: string[] = []
  readonly settled: MemoryDelivery[] = []
  readonly crashes: unknown[] = []

  constructor(kind: 'log' | 'queue' = 'log') {
    super()
    this.source = memorySource({ kind, timers: this.timers })
  }

  worker(
    fields: DomainShape = {},
    options: Partial<WorkerOptions<unknown, MemoryDelivery>> & {
      readonly plan?: FaultPlan<SourceMethod>
    } = {},
  ): Worker {
    const { plan = () => undefined, ...others } = options
    const watched = aroundSource(this.source, async ({ method }, run) => {
      this.sourceCalls.push(method)
      return run()
    })
    const noted = {
      ...watched,
      settle: async (deliveries: readonly MemoryDelivery[]): Promise<void> => {
        await watched.settle(deliveries)
        this.settled.push(...deliveries)
      },
    }
    const base = this.options({ domains: { account: domain({ handle: this.note, ...fields }) } })
    const source = faultySource(noted, plan, this.timers)
    return createWorker({ ...base, source, ...others })
  }

  /** Lets a worker run; an error that ends it is noted. */
  start(worker: Worker): void {
    worker.run().catch((error: unknown) => this.crashes.push(error))
  }

  /** Runs a worker, and lets time pass, until it ends by itself; a bound turns a hang into a failure. */
  async runOut(worker: Worker, options: RunOptions = { until: 'caught-up' }): Promise<void> {
    const end = { isOver: false }
    const running = worker.run(options).finally(() => {
      end.isOver = true
    })
    running.catch(() => undefined)
    await this.until(() => end.isOver)
    await running
  }

  /** Lets time pass until something is so. */
  async until(isSo: () => boolean): Promise<void> {
    for (let steps = 0; !isSo(); steps++) {
      if (steps > 20_000) throw new Error('it never comes to be')
      await this.timers.advance(50)
    }
  }

  /** The numbers of what was settled, in order. */
  get settledNumbers(): readonly unknown[] {
    return this.settled.map(({ message }) => (message as { sequence: unknown }).sequence)
  }
}
