// Decodes a message: bytes and text as JSON, with whole numbers beyond 2^53 - 1 read from the text where they
// name a stream or a number. Upholds I3: what cannot be decoded comes back with its reason.
import type { EventFields, EventFrom } from './event-from.ts'

/** The fields of a message, or why there are none. */
export type ParsedMessage = { readonly fields: EventFields } | { readonly problem: string }

/** A number beyond 2^53 - 1 has 16 digits and begins with none of the zeros that a padded sequence has. */
const longDigits = /[1-9][0-9]{15}/
const decoder = new TextDecoder('utf-8', { fatal: true })

/** The fields of a message that came as an object, as text or as bytes. */
export function parseMessage(message: unknown, eventFrom: EventFrom): ParsedMessage {
  try {
    if (message instanceof Uint8Array) return parseText(decoder.decode(message), eventFrom)
    if (typeof message === 'string') return parseText(message, eventFrom)
    return isRecord(message) ? { fields: eventFrom(message) } : { problem: 'the message is no object' }
  } catch (error) {
    return {
      problem: `the message cannot be decoded: ${error instanceof Error ? error.message : String(error)}`,
    }
  }
}

/** Whether a value is an object with named fields. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parseText(text: string, eventFrom: EventFrom): ParsedMessage {
  const plain: unknown = JSON.parse(text)
  if (!isRecord(plain)) return { problem: 'the message is no JSON object' }
  const fields = eventFrom(plain)
  if (!longDigits.test(text)) return { fields }
  const exact: unknown = JSON.parse(text, keepWholeNumbers)
  return isRecord(exact) ? { fields: { ...eventFrom(exact), data: fields.data } } : { fields }
}

/** A reviver that turns a whole number too large for a double into a bigint, from its text. */
function keepWholeNumbers(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source
  const isLarge = typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined
  return isLarge && /^-?[0-9]+$/.test(source) ? BigInt(source) : value
}
