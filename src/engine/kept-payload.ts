// A message as a dead letter keeps it. Upholds I3 and I7: whatever it is it is kept, and none stops the
// others.
import { inspect } from 'node:util'
import { keepable } from '../core/keepable.ts'
import { isInstance } from '../core/thrown.ts'

/** The largest object that is kept whole, in characters of its JSON. */
const wholeMax = 16 * 1024 * 1024
/** What is shown of one that has no JSON, in characters. */
const shownMax = 100_000
const show = { depth: 20, customInspect: false, maxStringLength: 10_000, breakLength: Infinity } as const

/**
 * The message whole; what has no JSON as a text that shows it, and that no retry can take for a message.
 * Never throws.
 */
export function keptPayload(message: unknown): unknown {
  if (typeof message === 'string' || isInstance(message, Uint8Array)) return message
  const kept = keepable(message, wholeMax)
  return 'problem' in kept ? `(no JSON) ${shown(message)}`.slice(0, shownMax) : kept.value
}

function shown(message: unknown): string {
  try {
    return inspect(message, show)
  } catch {
    return 'and it cannot be shown'
  }
}
