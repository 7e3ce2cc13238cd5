// The engine without a worker: for anybody's consumer, webhook or queue function that has events in hand.
import { InturnError } from '../core/errors.ts'
import type { ProcessResult } from './process-result.ts'
import type { ProcessorOptions } from './processor-options.ts'
import { makeEngine } from './processor-options.ts'

/** Processes events that are handed to it. */
export interface Processor {
  /**
   * Processes events, in the order given, and resolves once every one of them has a durable end; `refuse` has
   * none. With a store that is not durable, no end outlives the process.
   *
   * @param events - objects, or JSON as text or bytes; any number, worked off in batches
   * @returns one result per event
   * @throws InturnError `store-...` when the store cannot be used, `commit-unknown` when it was lost during a
   * commit, `claim-lost` when a stream was taken over in a transaction, `shutting-down` after `close`: in
   * each case the same call is safe and goes on where this one ended. `usage` when it is given no list
   */
  process(events: readonly unknown[]): Promise<readonly ProcessResult[]>
  /**
   * Looks after what nothing arrives for: gaps whose patience ended, failed events whose wait is over, events
   * that dead workers left. Call it about every second for as long as events can arrive.
   *
   * @returns for how many streams something was decided, at most a batch; more may be due when it is not 0
   * @throws InturnError as `process` does
   */
  sweep(): Promise<number>
  /** Ends the processor at once: handlers' signals fire, and the store is closed. */
  close(): Promise<void>
}

/**
 * Makes a processor.
 *
 * @throws InturnError `config-invalid` for an option that is missing, unknown or out of its range
 * @example
 * const processor = createProcessor({ consumer: 'billing', store: sqliteStore('billing.db'), domains })
 * const results = await processor.process(events)
 */
export function createProcessor<Transaction>(options: ProcessorOptions<Transaction>): Processor {
  const { engine, parts, stop } = makeEngine(options)
  const { store, consumer, worker, batchMax } = parts
  let opened: Promise<void> | undefined
  const open = (): Promise<void> => {
    opened ??= store.open().catch((error: unknown) => {
      opened = undefined
      throw error
    })
    return opened
  }
  return {
    async process(events) {
      if (!isList(events)) throw new InturnError('usage', 'process takes a list of events')
      await open()
      const results: ProcessResult[] = []
      for (let from = 0; from < events.length; from += batchMax) {
        const messages = events.slice(from, from + batchMax).map((message) => ({ message }))
        const processed = await engine.process(messages)
        results.push(...processed.results)
      }
      return results
    },
    async sweep() {
      await open()
      await store.heartbeat(consumer, worker)
      return engine.sweep(batchMax)
    },
    async close() {
      stop.abort()
      await store.close()
    },
  }
}

function isList(events: unknown): boolean {
  return Array.isArray(events)
}
