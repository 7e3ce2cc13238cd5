// Checks the name of a domain before it is paused: a domain with a wrong name would stand still unnoticed.
import { InturnError } from '../core/errors.ts'
import type { OperatorTarget } from '../operate/operator-options.ts'
import type { FoundStore } from './store-flags.ts'

/**
 * Checks that the configuration or the store knows a domain.
 *
 * @throws InturnError `operation-refused`
 */
export async function checkDomain(
  { store, consumer }: OperatorTarget,
  { config }: FoundStore,
  domain: string,
): Promise<void> {
  const named = Object.keys(config?.domains ?? {})
  if (named.includes(domain)) return
  const domains = await store.reader.domains(consumer)
  if (config === undefined && domains.has(domain)) return
  const streams = await store.reader.streams(consumer, { domain, limit: 1 })
  if (config === undefined && streams.length > 0) return
  const there = config === undefined ? [...domains.keys()] : named
  const known = there.length === 0 ? 'none is known' : `there are: ${there.sort().join(', ')}`
  throw new InturnError('operation-refused', `consumer ${consumer} has no domain ${domain}; ${known}`)
}
