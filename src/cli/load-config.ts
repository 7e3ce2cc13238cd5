// Loads the configuration file of a worker: a module whose default export is what `defineConfig` takes. Every
// error names the file, and the option that is wrong.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { InturnError } from '../core/errors.ts'
import type { Config } from '../engine/define-config.ts'
import { importModule } from './import-module.ts'

/** A configuration, and the file it came from. */
export interface LoadedConfig {
  readonly path: string
  readonly config: Config
}

/** Where a configuration is looked for when none is named, in this order. */
const configNames: readonly string[] = ['inturn.config.ts', 'inturn.config.mts'].concat(
  'inturn.config.js',
  'inturn.config.mjs',
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
export async function loadConfig(named?: string): Promise<LoadedConfig> {
  const file = named ?? findConfig()
  if (file === undefined) {
    throw new InturnError(
      'input-unreadable',
      `there is no ${configNames[0]} here; name one with --config <file>`,
    )
  }
  const path = resolve(file)
  if (!existsSync(path)) throw new InturnError('input-unreadable', `the configuration ${file} does not exist`)
  return { path, config: checkedConfig(await importDefault(path, file), file) }
}

/**
 * What a configuration file exports.
 *
 * @throws InturnError `input-unreadable` when it fails or has no default export
 */
export async function importDefault(path: string, file: string): Promise<unknown> {
  const module = await importModule(path, file)
  const exported: unknown =
    typeof module === 'object' && module !== null ? Reflect.get(module, 'default') : undefined
  if (exported !== undefined) return exported
  throw new InturnError(
    'input-unreadable',
    `${file} has no default export; it takes: export default defineConfig({ ... }), or defineRelay`,
  )
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
  if (!isObject(exported)) throw wrong(file, `exports a ${typeof exported}; it takes defineConfig({ ... })`)
  const unknown = Object.keys(exported).find((name) => !(name in optionNames))
  if (unknown !== undefined) {
    throw wrong(file, `${unknown} is no option; there are ${Object.keys(optionNames).join(', ')}`)
  }
  const problem = problemOf(exported)
  if (problem !== undefined) throw wrong(file, problem)
  if (isConfig(exported)) return exported
  throw wrong(file, 'is no configuration')
}

function problemOf(config: object): string | undefined {
  const field = (name: keyof Config): unknown => Reflect.get(config, name)
  const consumer = field('consumer')
  if (typeof consumer !== 'string' || consumer === '') return "consumer takes a name, for example 'billing'"
  if (!hasMethod(field('store'), 'work')) return "store takes a store, for example sqliteStore('billing.db')"
  if (!hasMethod(field('source'), 'read'))
    return "source takes a source, for example fileSource('events.ndjson')"
  const domains = field('domains')
  if (!isObject(domains)) return 'domains takes an object with an entry for each domain'
  for (const [name, domain] of Object.entries(domains)) {
    if (!isObject(domain)) return `domains.${name} takes an object with numbering, effects and a handler`
    const numbering: unknown = Reflect.get(domain, 'numbering')
    if (!isObject(numbering) || typeof Reflect.get(numbering, 'kind') !== 'string') {
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
  return isObject(value) && typeof Reflect.get(value, name) === 'function'
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wrong(file: string, problem: string): InturnError {
  return new InturnError('config-invalid', `${file}: ${problem}`)
}
