// The configuration file of `inturn run`: what a worker is made of, checked where it is written.
import type { Numbering } from '../core/numbering.ts'
import type { Delivery } from '../ports/source.ts'
import type { TypedDomains } from './domain-options.ts'
import type { WorkerOptions } from './worker.ts'

/** What `inturn.config.ts` exports: the options of a worker. */
export type Config<
  Transaction = unknown,
  Message extends Delivery = Delivery,
  Commands = unknown,
> = WorkerOptions<Transaction, Message, Commands>

/**
 * Gives a configuration its type; changes nothing. It is checked when a worker is made of it.
 *
 * @example
 * export default defineConfig({
 *   consumer: 'billing',
 *   store: sqliteStore('billing.db'),
 *   source: fileSource('events.ndjson'),
 *   domains: { user_account: { numbering: contiguous(), effects: 'transaction', handle: book } },
 * })
 */
export function defineConfig<
  Transaction,
  Message extends Delivery,
  Commands = unknown,
  Data extends Record<string, unknown> = Record<string, unknown>,
  Numbered extends Record<string, Numbering> = Record<string, Numbering>,
>(
  config: WorkerOptions<
    Transaction,
    Message,
    Commands,
    TypedDomains<NoInfer<Transaction>, NoInfer<Commands>, Data, Numbered>
  >,
): Config<Transaction, Message, Commands>
export function defineConfig(config: Config): Config {
  return config
}
