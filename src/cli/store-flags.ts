// The flags by which every command that reads a store finds it: a configuration, or the store's URL and a
// consumer.
import type { Command } from 'commander'
import { InturnError } from '../core/errors.ts'
import type { StreamPath } from '../core/stream-path.ts'
import { withoutCredentials } from '../core/without-credentials.ts'
import type { Config } from '../engine/define-config.ts'
import { resolveDomains, trackedOf } from '../engine/resolve-domains.ts'
import type { KnownDomains } from '../operate/domain-rules.ts'
import { argumentWord, shellWord } from '../operate/operator-actions.ts'
import type { OperatorTarget } from '../operate/operator-options.ts'
import type { ConsumerView } from '../operate/paging.ts'
import type { Store } from '../ports/store.ts'
import { findConfig, loadConfig } from './load-config.ts'
import { openStoreUrl, storeUrlForms } from './open-store-url.ts'

/** The values of the flags. */
export interface StoreFlags {
  readonly config?: string
  readonly store?: string
  readonly consumer?: string
  readonly json?: boolean
}

/** A store that was found. */
export interface FoundStore {
  readonly store: Store
  /** The consumer that flags or configuration name. */
  readonly consumer: string | undefined
  /** The domains of the configuration; none without one. */
  readonly known: KnownDomains
  /** The configuration, where one was found. */
  readonly config?: Config
}

/** The command with the flags that find a store. */
export function addStoreFlags(command: Command): Command {
  return command
    .option(
      '--config <file>',
      'the configuration with store, consumer and domains (default: inturn.config.ts)',
    )
    .option('--store <url>', `the store instead: ${storeUrlForms}`)
    .option('--consumer <name>', 'the consumer, where the store has several')
    .option('--json', 'for machines')
}

/** The flags by which a store was found, as they are pasted; a password has to be put in. */
export function flagWords({ config, store, consumer }: StoreFlags): string {
  const given = Object.entries({ config, store, consumer }).filter(([, value]) => value !== undefined)
  const word = (value: unknown): string => shellWord(withoutCredentials(String(value), { isTyped: true }))
  return given.map(([flag, value]) => ` --${flag} ${word(value)}`).join('')
}

/** The flags that find one of several consumers of the store that was found. */
export function flagsFor(flags: StoreFlags, consumer: string, all: readonly unknown[]): StoreFlags {
  return all.length > 1 ? { ...flags, consumer } : flags
}

/** The line that explains a stream, ready to paste. */
export function explainLine(flags: StoreFlags, stream: StreamPath): string {
  return `inturn explain ${argumentWord(stream)}${flagWords(flags)}`
}

/** Runs with the store that the flags name, and closes it. */
export async function withStore<Result>(
  flags: StoreFlags,
  run: (found: FoundStore) => Promise<Result>,
): Promise<Result> {
  const found = await findStore(flags)
  try {
    return await run(found)
  } finally {
    await found.store.close()
  }
}

/** Runs with one consumer of the store that the flags name. */
export async function withConsumer<Result>(
  flags: StoreFlags,
  run: (view: ConsumerView, known: KnownDomains, config: Config | undefined) => Promise<Result>,
): Promise<Result> {
  return withStore(flags, async ({ store, consumer, known, config }) => {
    const { reader } = store
    return run({ reader, consumer: await oneConsumer(store, consumer) }, known, config)
  })
}

/** Runs with one consumer of the store that the flags name, opened for writing. */
export async function withOperatorTarget<Result>(
  flags: StoreFlags,
  run: (target: OperatorTarget, found: FoundStore) => Promise<Result>,
): Promise<Result> {
  return withStore(flags, async (found) => {
    const { store, known } = found
    const consumer = await oneConsumer(store, found.consumer)
    await store.open()
    return run({ store, consumer, domains: known }, found)
  })
}

/** The consumer's part of the store. */
export function viewOf({ store, consumer }: OperatorTarget): ConsumerView {
  return { reader: store.reader, consumer }
}

/** What a configuration says about its domains. */
export function knownDomains({ domains }: Config): KnownDomains {
  return trackedOf(resolveDomains(domains))
}

/**
 * The consumer of this name, or all consumers of the store where none is named.
 *
 * @throws InturnError `input-unreadable` when the store has no consumer of the name
 */
export async function consumersOf(
  { reader, about: { name } }: Store,
  named: string | undefined,
): Promise<readonly string[]> {
  const consumers = await reader.consumers()
  if (named === undefined) return consumers
  if (consumers.includes(named)) return [named]
  const there = consumers.length === 0 ? 'none' : consumers.join(', ')
  throw new InturnError('input-unreadable', `${name} has no consumer ${named}; there are: ${there}`)
}

async function findStore(flags: StoreFlags): Promise<FoundStore> {
  if (flags.store !== undefined) {
    const config = flags.config === undefined ? undefined : await loadConfig(flags.config)
    const known = config === undefined ? new Map() : knownDomains(config)
    const store = await openStoreUrl(flags.store)
    return { store, consumer: flags.consumer, known, ...(config !== undefined && { config }) }
  }
  if (flags.config === undefined && findConfig() === undefined) {
    throw new InturnError(
      'usage',
      'no inturn.config.ts is here: name one with --config, or a store with --store',
    )
  }
  const config = await loadConfig(flags.config)
  const { store, consumer } = config
  return { store, consumer: flags.consumer ?? consumer, known: knownDomains(config), config }
}

/**
 * The consumer of this name, or the only one of the store.
 *
 * @throws InturnError `usage` when there are several, `input-unreadable` when there is none
 */
async function oneConsumer(store: Store, named: string | undefined): Promise<string> {
  const consumers = await consumersOf(store, named)
  const { name } = store.about
  const [only, ...more] = consumers
  if (only === undefined) throw new InturnError('input-unreadable', `${name} has no consumer yet`)
  if (more.length === 0) return only
  throw new InturnError(
    'usage',
    `${name} has several consumers, name one with --consumer: ${consumers.join(', ')}`,
  )
}
