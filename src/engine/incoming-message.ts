// A message before anything is made of it, and how large it is. Upholds I7: what is too large is never
// decoded.
import type { Sequence } from '../core/sequence.ts'
import type { StreamPath } from '../core/stream-path.ts'
import type { Delivery, LogPlace } from '../ports/source.ts'

/** A message as it came. */
export interface IncomingMessage {
  readonly message: unknown
  /** Names the domain, where the source knows it. */
  readonly domain?: string
  /** The domain of an event that names none, and whose type no domain lists. */
  readonly domainElse?: string
  /** The length of the message in bytes where only its beginning was kept. */
  readonly fullBytes?: number
  /** Then also its SHA-256. */
  readonly digest?: string
  /** Why its source could not make a message of it. */
  readonly problem?: string
  /** Its source gave it out before, and does not know what became of it. */
  readonly redelivered?: boolean
  /** Which numbers of a stream were asked for, where the message answers that. */
  readonly asked?: AskedNumbers
  /** Where it was read. */
  readonly origin?: string
  /** Where it lies in its log. */
  readonly logPlace?: LogPlace | undefined
}

/** Numbers of a stream that somebody was asked for, unwrapped. */
interface AskedNumbers {
  readonly stream: StreamPath
  readonly epoch: number
  readonly from: Sequence | null
  readonly to: Sequence
  /** The epoch as the producer writes it, where that is another one. */
  readonly wireEpoch?: number
  /** A healer was asked, which may bring anything; and no source, which gives out what was asked for. */
  readonly isHealing?: boolean
}

/** How much memory a message takes, in bytes and about; 0 for an object of which its source says nothing. */
export function sizeOf({ message, bytes }: Pick<Delivery, 'message' | 'bytes'>): number {
  if (bytes !== undefined) return bytes
  return typeof message === 'string' || message instanceof Uint8Array ? message.length : 0
}

/** How large a message is, in bytes of its text; `undefined` for an object, whose text is not known. */
export function messageBytes(message: unknown): number | undefined {
  if (message instanceof Uint8Array) return message.byteLength
  return typeof message === 'string' ? Buffer.byteLength(message) : undefined
}
