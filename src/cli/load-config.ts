// Loads the configuration file of a worker: a module whose default export is what `defineConfig` takes. Every
// error names the file, and the option that is wrong.
import { existsSync } from 'node:fs'
import { InturnError } from '../core/errors.ts'
import { isRecord } from '../core/parse-message.ts'
import { fieldOf } from '../core/thrown.ts'
import type { Config } from '../engine/define-config.ts'
import { importModule } from './import-module.ts'

/** Where a configuration is looked for when none is named, in this order. */
const configNames: readonly string[] = ['ts', 'mts', 'js', 'mjs'].map(
  (extension) => `inturn.config.${extension}`,
)

/** The configuration file that lies in the working folder; `undefined` if there is none. */
export function findConfig(): string | undefined {
  return configNames.find((name) => existsSync(name))
}

/**
 * Loads a configuration.
 *
 * @throws InturnError `input-unreadable` for a file that is missing or fails, `config-invalid` for an option
 */
export async function loadConfig(named?: string): Promise<Config> {
  const { file, exported } = await loadDefault(named, configNames)
  return checkedConfig(exported, file)
}

/**
 * The file that is named, or the first that there is of some names, and what it exports as default.
 *
 * @throws InturnError `input-unreadable` where there is none, and when it fails or has no default export
 */
export async function loadDefault(
  named: string | undefined,
  names: readonly string[],
): Promise<{ readonly file: string; readonly exported: unknown }> {
  const file = named ?? names.find((name) => existsSync(name))
  if (file === undefined) {
    const message = `there is no ${names[0]} here; name one with --config <file>`
    throw new InturnError('input-unreadable', message)
  }
  const exported = fieldOf(await importModule(file), 'default')
  if (exported !== undefined) return { file, exported }
  throw new InturnError(
    'input-unreadable',
    `${file} has no default export; it takes: export default defineConfig({ ... }), or defineRelay`,
  )
}

/** What a module exports under a name, or as a field of its default export; `undefined`: nothing. */
export async function exportedAs(file: string, name: string): Promise<unknown> {
  const module = await importModule(file)
  return fieldOf(module, name) ?? fieldOf(fieldOf(module, 'default'), name)
}

/** Every option of a configuration; the type sees to it that none is missing here. */
const optionNames: Readonly<Record<keyof Config, true>> = {
  consumer: true,
  store: true,
  source: true,
  domains: true,
  eventFrom: true,
  worker: true,
  concurrency: true,
  claim: true,
  batch: true,
  eventBytesMax: true,
  streamBytesMax: true,
  deadLettersMax: true,
  ledgerMax: true,
  history: true,
  replay: true,
  telemetry: true,
  log: true,
  timers: true,
  random: true,
  sweepEvery: true,
  lookAheadMax: true,
  lookAheadBytesMax: true,
  refusePatience: true,
}

function checkedConfig(exported: unknown, file: string): Config {
  if (Array.isArray(exported)) throw wrong(file, 'exports a list; a configuration is one consumer')
  if (!isRecord(exported)) throw wrong(file, `exports a ${typeof exported}; it takes defineConfig({ ... })`)
  const unknown = Object.keys(exported).find((name) => !(name in optionNames))
  if (unknown !== undefined) {
    throw wrong(file, `${unknown} is no option; there are ${Object.keys(optionNames).join(', ')}`)
  }
  const problem = problemOf(exported)
  if (problem !== undefined) throw wrong(file, problem)
  if (isConfig(exported)) return exported
  throw wrong(file, 'is no configuration')
}

function problemOf(config: Readonly<Record<string, unknown>>): string | undefined {
  const { consumer, store, source, domains } = config
  if (typeof consumer !== 'string' || consumer === '') return "consumer takes a name, for example 'billing'"
  if (!hasMethod(store, 'work')) return "store takes a store, for example sqliteStore('billing.db')"
  if (!hasMethod(source, 'read')) return "source takes a source, for example fileSource('events.ndjson')"
  if (!isRecord(domains)) return 'domains takes an object with an entry for each domain'
  for (const [name, domain] of Object.entries(domains)) {
    if (!isRecord(domain)) return `domains.${name} takes an object with numbering, effects and a handler`
    const { numbering } = domain
    if (!isRecord(numbering) || typeof numbering['kind'] !== 'string') {
      return `domains.${name}.numbering takes contiguous(), linked(), increasing() or unordered()`
    }
  }
  return undefined
}

/** Checked by {@link problemOf} as far as a reader needs it; a worker checks the rest when it is made. */
function isConfig(value: object): value is Config {
  return 'consumer' in value && 'store' in value && 'source' in value && 'domains' in value
}

function hasMethod(value: unknown, name: string): boolean {
  return typeof fieldOf(value, name) === 'function'
}

function wrong(file: string, problem: string): InturnError {
  return new InturnError('config-invalid', `${file}: ${problem}`)
}
