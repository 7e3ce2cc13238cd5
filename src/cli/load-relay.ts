// Loads the configuration file of a relay: a module whose default export is what `defineRelay` takes.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { InturnError } from '../core/errors.ts'
import { isRecord } from '../core/parse-message.ts'
import type { RelayOptions } from '../producer/relay/relay-parts.ts'
import { importDefault } from './load-config.ts'

/** Where it is looked for when none is named, in this order. */
const relayNames: readonly string[] = ['ts', 'mts', 'js', 'mjs'].map(
  (extension) => `inturn.relay.${extension}`,
)

/**
 * Loads the options of a relay. They are checked when a relay is made of them.
 *
 * @throws InturnError `input-unreadable` for a file that is missing or fails, `config-invalid` when it
 * exports something else
 */
export async function loadRelay(named?: string): Promise<RelayOptions> {
  const file = named ?? relayNames.find((name) => existsSync(name))
  if (file === undefined) {
    const message = `there is no ${relayNames[0]} here; name one with --config <file>`
    throw new InturnError('input-unreadable', message)
  }
  const path = resolve(file)
  if (!existsSync(path)) throw new InturnError('input-unreadable', `the configuration ${file} does not exist`)
  const exported = await importDefault(path, file)
  if (isRelayOptions(exported)) return exported
  const message = `${file}: it takes export default defineRelay({ name, log, sink, store })`
  throw new InturnError('config-invalid', message)
}

/** Whether what a relay cannot do without is there; the relay checks the rest when it is made. */
function isRelayOptions(value: unknown): value is RelayOptions {
  if (!isRecord(value)) return false
  const { name, log, sink, store } = value
  return (
    typeof name === 'string' && [log, sink, store].every((port) => typeof port === 'object' && port !== null)
  )
}
