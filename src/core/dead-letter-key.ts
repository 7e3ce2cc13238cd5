// The identity of a dead letter: one per consumer, domain, stream, epoch, sequence and id, however often the
// event comes. Messages that name no stream or number are told apart by their content.
import { canonicalJson, fingerprint } from './fingerprint.ts'
import type { Sequence } from './sequence.ts'
import type { StreamPath } from './stream-path.ts'

/** What identifies an event that is taken out of its stream. */
export interface DeadLetterPlace {
  readonly stream?: StreamPath | undefined
  readonly epoch?: number | undefined
  readonly sequence?: Sequence | undefined
  readonly id?: string | undefined
  readonly payload: unknown
}

/** The key of a dead letter: readable, and the same for every copy of the event. */
export function deadLetterKey(place: DeadLetterPlace): string {
  const { stream, epoch, sequence, id } = place
  if (stream !== undefined && sequence !== undefined) {
    const identity = id === undefined ? digest(place.payload) : encode(id)
    return `${stream}/${epoch ?? 0}/${String(sequence)}/${identity}`
  }
  return `${stream ?? '-'}/${id === undefined ? digest(place.payload) : encode(id)}`
}

function encode(id: string): string {
  return encodeURIComponent(id.toWellFormed())
}

/** 64 bits of the content. */
function digest(payload: unknown): string {
  const text = contentOf(payload)
  const halves = [fingerprint(text), fingerprint(`${text.length}:${text}`)]
  return `~${halves.map((half) => half.toString(16).padStart(8, '0')).join('')}`
}

function contentOf(payload: unknown): string {
  if (typeof payload === 'string') return payload
  if (payload instanceof Uint8Array) return new TextDecoder().decode(payload)
  try {
    return canonicalJson(payload)
  } catch {
    return String(payload)
  }
}
