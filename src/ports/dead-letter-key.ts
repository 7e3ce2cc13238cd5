// The identity of a dead letter. Of an event that is known: consumer, domain, stream, epoch, sequence and id,
// however often it comes. Of what cannot be read: all of its bytes, and where it was read. Upholds I3: two
// different events never become one letter.
import { hash } from 'node:crypto'
import { canonicalJson } from '../core/fingerprint.ts'
import type { Sequence } from '../core/sequence.ts'
import { encodePart } from '../core/stream-path.ts'
import type { StreamPath } from '../core/stream-path.ts'

/** What identifies an event that is taken out of its stream. */
export interface DeadLetterPlace {
  readonly stream: StreamPath
  readonly epoch?: number | undefined
  readonly sequence?: Sequence | undefined
  readonly id?: string | undefined
  /** The digest of the content, in its place where there is no id. */
  readonly digest?: string
  readonly payload: unknown
}

/** The key of the dead letter of an event: readable, and the same for every copy of it. */
export function deadLetterKey(place: DeadLetterPlace): string {
  const { stream, epoch = 0, sequence, id, digest, payload } = place
  const identity = id === undefined ? shortDigest(digest ?? contentDigest(payload)) : idPart(id)
  return sequence === undefined
    ? `${stream}/${identity}`
    : `${stream}/${epoch}/${String(sequence)}/${identity}`
}

/** The key of what cannot be read; nothing that it says of itself counts but the stream, where it has one. */
export function unreadableKey(about: {
  readonly stream?: StreamPath | undefined
  /** Of all of its content. */
  readonly digest: string
  /** Where it was read: the same content from elsewhere is another message. */
  readonly origin?: string | undefined
}): string {
  const { stream = '-', digest, origin } = about
  const identity = origin === undefined ? digest : contentDigest(JSON.stringify([digest, origin]))
  return `${stream}/${shortDigest(identity)}`
}

/** The SHA-256 of a message, in hexadecimal digits; of an object that of its JSON. */
export function contentDigest(content: unknown): string {
  if (content instanceof Uint8Array) return hash('sha256', content)
  const text = typeof content === 'string' ? content : canonicalJson(content)
  // UTF-8 has no half characters: it would make one of all of them.
  return hash('sha256', text.isWellFormed() ? text : Buffer.from(`utf-16:${text}`, 'utf16le'))
}

/** Half of a digest is enough to tell millions of messages apart. */
function shortDigest(digest: string): string {
  return `~${digest.slice(0, 32)}`
}

/** A longer id is known by its digest: a key has to have its end. */
const idCharsMax = 512

function idPart(id: string): string {
  if (id.length > idCharsMax) return shortDigest(contentDigest(`id:${id}`))
  return encodePart(id).replace(/^~/, '%7E')
}
