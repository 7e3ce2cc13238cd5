// The engine without a worker: for anybody's consumer, webhook or queue function that has events in hand.
import { InturnError } from '../core/errors.ts'
import type { Numbering } from '../core/numbering.ts'
import type { Call } from './call.ts'
import type { CaughtUpRequest } from './caught-up.ts'
import { PositionWaits } from './caught-up.ts'
import type { TypedDomains } from './domain-options.ts'
import type { IncomingMessage } from './incoming-message.ts'
import type { ProcessResult } from './process-result.ts'
import type { ProcessorOptions } from './processor-options.ts'
import { makeEngine } from './processor-options.ts'
import { leave } from './quarantine.ts'
import type { Redelivered, RedeliverRequest } from './redeliver.ts'
import { Redelivery } from './redeliver.ts'
import { historyOf } from './stream-history.ts'
import { Sweeping } from './sweeping.ts'

/** Processes events that are handed to it. */
export interface Processor {
  /**
   * Processes events, in the order given, and resolves once every one of them has a durable end; `refuse` has
   * none. With a store that is not durable, no end outlives the process.
   *
   * @param events - objects, or JSON as text or bytes; any number, worked off in batches
   * @returns one result per event
   * @throws InturnError `store-...` when the store cannot be used, `commit-unknown` when it was lost during a
   * commit, `claim-lost` when a stream was taken over in a transaction, `records-full` while the consumer
   * has too many dead letters, `shutting-down` after `close`: in each case the same call is safe and goes on
   * where this one ended. `usage` when it is given no list
   */
  process(events: readonly unknown[]): Promise<readonly ProcessResult[]>
  /**
   * Looks after what nothing arrives for: gaps whose patience ended, failed events whose wait is over, events
   * that dead workers left. Asks the healers of its domains for missing events, and waits for what they say.
   * The processor does so by itself unless its `sweep` is `manual`; then call it about every second for as
   * long as events can arrive.
   *
   * @returns for how many streams something was decided, at most a batch; more may be due when it is not 0
   * @throws InturnError as `process` does
   */
  sweep(): Promise<number>
  /**
   * Resolves once a stream's position is at or above a number, whichever worker of the consumer brought it
   * there: to read one's own writes.
   *
   * @throws InturnError `caught-up-timeout` when it takes longer than `timeout`, `usage`, `shutting-down`
   * @example
   * await log.append('account', '42', [opened])
   * await processor.caughtUp({ stream: '42', sequence: 1, timeout: '2s' })
   */
  caughtUp(request: CaughtUpRequest): Promise<void>
  /**
   * Has a range of a stream that was handled before handled once more, in order and under the stream's claim;
   * handlers are told by `context.replay`. Position and accounts stay. The events come from the domain's
   * healer (`gap.heal.with`) or from `history`.
   *
   * @throws InturnError `operation-refused` for what the stream has not passed, `history-unavailable`,
   * `stream-busy`, `usage`, and as `process` does. Once something was handled, its message says up to which
   * number, and from where to go on
   */
  redeliver(request: RedeliverRequest): Promise<Redelivered>
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
export function createProcessor<
  Transaction,
  Commands = unknown,
  Data extends Record<string, unknown> = Record<string, unknown>,
  Numbered extends Record<string, Numbering> = Record<string, Numbering>,
>(
  options: ProcessorOptions<
    Transaction,
    Commands,
    TypedDomains<NoInfer<Transaction>, NoInfer<Commands>, Data, Numbered>
  >,
): Processor
export function createProcessor(options: ProcessorOptions): Processor {
  const { engine, parts, room, stop } = makeEngine(options, ['sweep'])
  const waits = new PositionWaits(parts)
  const redelivery = new Redelivery(parts, (domain) => historyOf(options, domain))
  const { store, batchMax } = parts
  const sweeping = new Sweeping(options.sweep, { parts, engine, moved: () => waits.wake() })
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
      sweeping.begin()
      const calls: Call[] = []
      try {
        for (let from = 0; from < events.length; from += batchMax) {
          const lack = await room.lack()
          if (lack !== undefined) throw lack
          // What comes behind something that has failed would overtake it.
          if (calls.some(({ hasFailed }) => hasFailed)) break
          calls.push(engine.submit(Array.from(events.slice(from, from + batchMax), messageOf)))
          await calls.at(-batchesMax)?.done
          waits.wake()
        }
        await Promise.all(calls.map(({ done }) => done))
      } finally {
        // Who is told of a failure has nothing in hand any more.
        await Promise.allSettled(calls.map(({ done }) => done))
        waits.wake()
      }
      await sweeping.takeAlong()
      return calls.flatMap(({ results }) => results)
    },
    async sweep() {
      await open()
      return sweeping.run()
    },
    async caughtUp(request) {
      await open()
      await waits.wait(request)
    },
    async redeliver(request) {
      await open()
      return redelivery.run(request)
    },
    async close() {
      stop.abort()
      await sweeping.end()
      await engine.healing.end()
      parts.ended()
      await leave(parts)
      await store.close()
    },
  }
}

/** So many batches are in hand: what waits for its stream, or for its turn, keeps no other from beginning. */
const batchesMax = 8

function messageOf(message: unknown): IncomingMessage {
  return { message }
}

function isList(events: unknown): boolean {
  return Array.isArray(events)
}
