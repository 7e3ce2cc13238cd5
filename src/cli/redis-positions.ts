// Reads the positions of a hand-rolled tracker out of Redis: one key a stream, whose value is the last number
// that was handled. The client is loaded only then. Upholds I3: a key that is no position is told, never left
// out.
import { InturnError } from '../core/errors.ts'
import { readSequence } from '../core/read-sequence.ts'
import { streamPath } from '../core/stream-path.ts'
import type { PositionRow, UnreadableRow } from '../operate/import-positions.ts'

/** Where a tracker keeps its positions. */
export interface RedisTracker {
  /** The server. */
  readonly url: string
  /** `redis:<prefix>*<suffix>`: what `*` stands for in a key is the stream. */
  readonly pattern: string
  readonly domain: string | undefined
}

/**
 * The rows of a tracker, each key once, as they are found.
 *
 * @throws InturnError `usage` for a pattern without exactly one `*` or without a domain, `input-unreadable`
 *   when the server cannot be read or has no such key
 */
export async function* redisPositions(
  tracker: RedisTracker,
): AsyncGenerator<PositionRow | UnreadableRow, void, void> {
  const { url, pattern, domain } = tracker
  const [prefix = '', suffix, ...more] = pattern.slice('redis:'.length).split('*')
  if (suffix === undefined || more.length > 0) {
    throw new InturnError('usage', `${pattern}: name the keys with one *, for the stream: redis:position:*`)
  }
  if (domain === undefined)
    throw new InturnError('usage', 'keys in redis name no domain: name it with --domain')
  if (!/^rediss?:/.test(url) || !URL.canParse(url)) {
    throw new InturnError('usage', '--redis takes redis://<host>:<port>')
  }
  const { trackerKeys } = await import('../stores/redis/tracker-keys.ts')
  for await (const { key, value, isUnreadable } of trackerKeys({ url, prefix, suffix })) {
    const stream = key.slice(prefix.length, key.length - suffix.length)
    if (isUnreadable === true) yield { origin: `key ${key}`, problem: 'not-utf-8' }
    else if (stream === '') yield { origin: `key ${key}`, problem: 'it names no stream' }
    else yield rowOf(`key ${key}`, streamPath(domain, stream), value)
  }
}

function rowOf(origin: string, stream: string, value: string | undefined): PositionRow | UnreadableRow {
  if (value === undefined) return { origin, problem: 'its value is no text' }
  const position = readSequence(value, { big: true, signed: true })
  if (typeof position === 'string') return { origin, problem: `position-${position}` }
  return { origin, stream, epoch: 0, position }
}
