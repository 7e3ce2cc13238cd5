// A message as a dead letter keeps it, and what tells it from every other one. Upholds I3 and I7: whatever it
// is it is kept as it came, up to a limit, and none stops the others.
import { isUtf8 } from 'node:buffer'
import { inspect } from 'node:util'
import { keepable } from '../core/keepable.ts'
import { isInstance } from '../core/thrown.ts'
import { contentDigest } from '../ports/dead-letter-key.ts'
import type { DeadLetter } from '../ports/records.ts'
import type { IncomingMessage } from './incoming-message.ts'
import { messageBytes } from './incoming-message.ts'

/** The largest message that is kept whole, in bytes; in characters of its JSON where it is an object. */
const wholeMax = 16 * 1024 * 1024
/** What is shown of one that has no JSON, in characters. */
const shownMax = 100_000
const show = {
  depth: 20,
  customInspect: false,
  maxStringLength: shownMax,
  maxArrayLength: shownMax,
  breakLength: Infinity,
} as const

/** What is kept of a message. */
export interface KeptMessage {
  readonly kept: Pick<DeadLetter, 'payload' | 'bytes' | 'digest' | 'origin'>
  /** Of all of its content, also of what is not kept. */
  readonly digest: string
}

/**
 * The message: text, or bytes where it is no text, with its length and digest; an object as its JSON; what
 * has no JSON as a text that shows it, and that no retry can take for a message. Never throws.
 */
export function keptMessage(incoming: IncomingMessage): KeptMessage {
  const { message, origin } = incoming
  const from = origin === undefined ? {} : { origin }
  if (typeof message === 'string' || isInstance(message, Uint8Array)) {
    const bytes = incoming.fullBytes ?? messageBytes(message) ?? 0
    const digest = digestOf(message, incoming)
    return { kept: { payload: keptOf(message, bytes), bytes, digest, ...from }, digest }
  }
  const kept = keepable(message, wholeMax)
  if (!('problem' in kept))
    return { kept: { payload: kept.value, ...from }, digest: contentDigest(kept.value) }
  const text = `(no JSON) ${shown(message)}`
  return { kept: { payload: text.slice(0, shownMax), ...from }, digest: contentDigest(text) }
}

/** How many bytes of a dead letter's message are missing from what was kept; 0: it is whole. */
export function missingBytes({ payload, bytes }: Pick<DeadLetter, 'payload' | 'bytes'>): number {
  return bytes === undefined ? 0 : bytes - (messageBytes(payload) ?? bytes)
}

/** Where a source kept the beginning only, and no digest of the rest, its length has to do. */
function digestOf(message: string | Uint8Array, { fullBytes, digest }: IncomingMessage): string {
  const own = contentDigest(message)
  return digest ?? (fullBytes === undefined ? own : contentDigest(`${fullBytes} ${own}`))
}

/** As much as is kept: as text where it is one. What is cut may end within a character, which is left out. */
function keptOf(message: string | Uint8Array, fullBytes: number): string | Uint8Array {
  if (typeof message === 'string') {
    if (fullBytes <= wholeMax) return message
    return message.isWellFormed() ? keptOf(Buffer.from(message), fullBytes) : message.slice(0, wholeMax)
  }
  const bytes = Buffer.from(message.subarray(0, wholeMax))
  const ends = fullBytes > bytes.length ? [0, 1, 2, 3] : [0]
  const whole = ends
    .map((cut) => bytes.subarray(0, Math.max(0, bytes.length - cut)))
    .find((part) => isUtf8(part))
  return whole?.toString('utf8') ?? Uint8Array.from(bytes)
}

function shown(message: unknown): string {
  try {
    return inspect(message, show)
  } catch {
    return 'and it cannot be shown'
  }
}
