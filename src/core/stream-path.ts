// The name of a stream in one text: `domain/stream`, each part percent-encoded. It is what stores key by,
// what the command line takes, and the beginning of an idempotency key.
import type { Epoch, Sequence } from './sequence.ts'

/** `domain/stream`, each percent-encoded, for example `user_account/42`. */
export type StreamPath = string

/** The longest stream key that a worker takes, unless its configuration says otherwise. */
export const streamBytesDefault = 512

const plain = /^[A-Za-z0-9_.~-]*$/
const plainCodes = Uint8Array.from({ length: 128 }, (_, code) =>
  plain.test(String.fromCharCode(code)) ? 1 : 0,
)

/** The path of a stream. */
export function streamPath(domain: string, stream: string): StreamPath {
  if (domain !== lastDomain) {
    lastDomain = domain
    lastEncoded = encodePart(domain)
    paths.clear()
  }
  return paths.get(stream) ?? madePath(stream)
}

function madePath(stream: string): StreamPath {
  const path = `${lastEncoded}/${encodePart(stream)}`
  if (paths.size >= pathsMax) paths.clear()
  if (path.length <= pathLengthMax) paths.set(stream, path)
  return path
}

/**
 * Most events are of the domain of the one before, and of a stream that was met lately: its path is the same
 * text then, which maps find faster than an equal one.
 */
let lastDomain = ''
let lastEncoded = ''
const paths = new Map<string, StreamPath>()
const pathsMax = 16_384
const pathLengthMax = 100

/** Domain and stream of a path; `undefined` when the text is no path. */
export function parseStreamPath(
  path: string,
): { readonly domain: string; readonly stream: string } | undefined {
  const [domain, stream, ...more] = path.split('/')
  if (domain === undefined || stream === undefined || more.length > 0) return undefined
  try {
    return { domain: decodeURIComponent(domain), stream: decodeURIComponent(stream) }
  } catch {
    return undefined
  }
}

/** The same for every attempt at an event: `consumer/domain/stream/epoch/sequence`, parts percent-encoded. */
export function idempotencyKey(
  consumer: string,
  path: StreamPath,
  place: { readonly epoch: Epoch; readonly sequence: Sequence | string },
): string {
  const { epoch, sequence } = place
  const last = typeof sequence === 'string' ? encodePart(sequence) : String(sequence)
  return `${encodePart(consumer)}/${path}/${epoch}/${last}`
}

/** Whether a part stands for itself; asked of each event several times. */
function isPlain(part: string): boolean {
  for (let at = 0; at < part.length; at++) if (plainCodes[part.charCodeAt(at)] !== 1) return false
  return true
}

/**
 * One part of a path or a key, percent-encoded as far as it has to be. Half characters have no such code:
 * `%u` and their number stand for them, so that two parts never become one.
 */
export function encodePart(part: string): string {
  if (isPlain(part)) return part
  if (part.isWellFormed()) return encodeURIComponent(part)
  return part.replace(/\p{Surrogate}|\P{Surrogate}+/gu, (piece) =>
    piece.isWellFormed() ? encodeURIComponent(piece) : `%u${piece.charCodeAt(0).toString(16)}`,
  )
}
