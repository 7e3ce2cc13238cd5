// Checks what a user wrote about the healing of gaps, and fills in the defaults. Every error names the option
// and what it takes. Upholds I7.
import { checkNames } from '../../core/check-names.ts'
import { durationMs } from '../../core/duration.ts'
import { InturnError } from '../../core/errors.ts'
import type { HealRules } from '../../core/rules.ts'
import type { Healer } from '../../ports/healer.ts'
import { limit, waitMs } from '../check-options.ts'
import type { HealOptions } from './heal-options.ts'

/** How a healer is asked. */
export interface HealingPolicy {
  readonly timeoutMs: number
  readonly backoffMs: number
  readonly backoffMaxMs: number
  /** Events asked for at once. */
  readonly chunk: number
}

/** What becomes of the option `gap.heal`. */
export interface ResolvedHealing {
  readonly rules: HealRules
  readonly healer: Healer
  readonly healing: HealingPolicy
}

const healNames = ['with', 'after', 'attempts', 'timeout', 'backoff', 'backoffMax', 'chunk']

/**
 * Resolves the option `gap.heal` of a domain.
 *
 * @throws InturnError `config-invalid` for an option that is missing, unknown or out of its range
 */
export function resolveHealing(domain: string, options: HealOptions): ResolvedHealing {
  const name = `domains.${domain}.gap.heal`
  checkNames(options, name, healNames)
  return {
    rules: {
      afterMs: durationMs(options.after ?? '1s', `${name}.after`),
      attempts: limit(options.attempts, { name: `${name}.attempts`, fallback: 5, least: 1, most: 1_000 }),
    },
    healer: healerOf(options.with, `${name}.with`),
    healing: {
      timeoutMs: waitMs(options.timeout, { name: `${name}.timeout`, fallback: '30s' }),
      backoffMs: durationMs(options.backoff ?? '1s', `${name}.backoff`),
      backoffMaxMs: durationMs(options.backoffMax ?? '30s', `${name}.backoffMax`),
      chunk: limit(options.chunk, { name: `${name}.chunk`, fallback: 500, least: 1, most: 10_000 }),
    },
  }
}

function healerOf(given: HealOptions['with'], name: string): Healer {
  if (typeof given === 'function') return { name: given.name || 'healer', heal: (request) => given(request) }
  if (typeof given === 'object' && given !== null && typeof given.heal === 'function') return given
  throw new InturnError(
    'config-invalid',
    `${name} takes a healer, for example fileHealer('archive.ndjson'), or a function that answers like one`,
  )
}
