// The rules of the domains as far as whoever looks at a store knows them. A store does not keep them; without
// a configuration they are read off a stream's state, which is right for everything but patience.
import { counterOf, onWire } from '../core/counter.ts'
import { contiguous, increasing, linked } from '../core/numbering.ts'
import type { TrackedNumbering } from '../core/numbering.ts'
import { defaultStreamLimits } from '../core/rules.ts'
import type { StreamRules } from '../core/rules.ts'
import type { Sequence } from '../core/sequence.ts'
import type { StreamState } from '../core/stream-state.ts'

/** What a configuration says about a domain whose streams are tracked. */
export interface DomainRules {
  readonly rules: StreamRules
  readonly failure: { readonly attempts: number; readonly then: 'halt' | 'dead-letter' }
  /** Entries of the domain's inboxes, at most. Where it is not known: 10,000. */
  readonly handedOverMax?: number
}

/** The domains that a configuration names. */
export type KnownDomains = ReadonlyMap<string, DomainRules>

/** Rules for a stream, and whether a configuration says so. */
export interface AppliedRules {
  readonly rules: StreamRules
  readonly isConfigured: boolean
}

/** The rules of a domain's stream: the configured ones, or the numbering that its state looks like. */
export function rulesFor(known: KnownDomains, domain: string, state: StreamState): AppliedRules {
  const configured = known.get(domain)
  if (configured !== undefined) return { rules: configured.rules, isConfigured: true }
  return { rules: { ...defaultStreamLimits, numbering: numberingOf(state) }, isConfigured: false }
}

function numberingOf(state: StreamState): TrackedNumbering {
  if (isContiguous(state)) return contiguous({ start: startOf(state) })
  return isIncreasing(state) ? increasing() : linked()
}

/** A number as it is on the wire, where the domain's counter wraps. */
export function wireOf({ numbering }: StreamRules, sequence: Sequence): Sequence {
  return onWire(counterOf(numbering), sequence)
}

/** A contiguous stream knows its first number, and what each held range follows; the others mostly do not. */
function isContiguous({ position, baseline, held }: StreamState): boolean {
  if (position !== undefined && typeof baseline !== 'number') return false
  return held.every(({ after }) => typeof after === 'number')
}

/** Behind the position a linked event follows another one; an increasing one follows whatever there is. */
function isIncreasing({ epoch, position, held }: StreamState): boolean {
  return position !== undefined && held.some((span) => span.epoch === epoch && span.after === null)
}

/** A held event that would be in turn from 1, with nothing that stops the stream: the stream starts lower. */
function startOf(state: StreamState): number {
  if (typeof state.baseline === 'number') return state.baseline
  const [head] = state.held
  const isStopped = state.failing !== undefined || state.halt !== undefined
  const isUnknown = state.position === undefined && head?.after === 0
  return isUnknown && !isStopped ? 0 : 1
}
