// Decodes a message: bytes and text as JSON, and no number of it is rounded. Upholds I3: what cannot be
// decoded comes back with its reason.
import type { EventFields, EventFrom } from './event-from.ts'
import { ExactNumber, parseExactly } from './exact-number.ts'
import { atOnce, errorMessage } from './thrown.ts'

/** The fields of a message, or why there are none. */
export type ParsedMessage = ReadMessage | { readonly problem: string }

/** The fields of a message. */
export interface ReadMessage {
  readonly fields: EventFields
  /** What they were read from. */
  readonly record: Readonly<Record<string, unknown>>
  /** The text that its JSON was read from; absent where it came as an object. */
  readonly text?: string
  /** A number of the text is held by no JavaScript number: in `data` it is an `ExactNumber`. */
  readonly hasExactNumbers: boolean
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The fields of a message that came as an object, as text or as bytes. */
export function parseMessage(message: unknown, eventFrom: EventFrom): ParsedMessage {
  try {
    const text = message instanceof Uint8Array ? decoder.decode(message) : message
    const isText = typeof text === 'string'
    const parsed = isText ? parseExactly(withoutMark(text)) : undefined
    const record = parsed === undefined ? message : parsed.value
    if (!isRecord(record))
      return { problem: listProblem(record) ?? `the message is no ${isText ? 'JSON ' : ''}object` }
    const given = eventFrom(record)
    const fields = given instanceof Promise ? atOnce(given) : given
    if (!isText || parsed === undefined) return { fields, record, hasExactNumbers: false }
    return { fields, record, text, hasExactNumbers: parsed.hasExactNumbers }
  } catch (error) {
    return {
      problem: `the message cannot be decoded: ${errorMessage(error)}`,
    }
  }
}

/** A text without the byte order mark that it may begin with (RFC 8259, section 8.1). */
export function withoutMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}

/** Whether a value is an object with named fields. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber)
  )
}

/** What is said of a batch: its events cannot be settled, refused and tried again each by itself. */
function listProblem(message: unknown): string | undefined {
  if (!Array.isArray(message)) return undefined
  return 'the message is a list: send each event of a batch by itself, or give them to a processor'
}

/** A text, or a whole number as text; `undefined` for anything else. */
export function readText(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value
  if (typeof value === 'bigint' || value instanceof ExactNumber) return value.toString()
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : undefined
}
