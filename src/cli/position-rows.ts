// Reads the rows of an import: a stream with its position, from CSV or NDJSON, as they come; or out of the
// Redis of a hand-rolled tracker: one key a stream, whose value is the last number that was handled. The
// client is loaded only then. Upholds I3: a key that is no position is told, never left out.
import { InturnError } from '../core/errors.ts'
import { readSequence } from '../core/read-sequence.ts'
import { streamPath } from '../core/stream-path.ts'
import type { PositionRow, UnreadableRow } from '../operate/import-positions.ts'
import type { ReadFields } from '../recorded/read-recorded-events.ts'
import { readRecordedEvents } from '../recorded/read-recorded-events.ts'
import type { RecordedFormat } from '../recorded/recorded-fields.ts'
import type { RecordedLine } from '../recorded/recorded-line.ts'

/** Where to find what in a row. */
export interface PositionColumns {
  /** The domain of all rows; absent: the column `domain`. */
  readonly domain?: string
  readonly stream: string
  readonly position: string
  readonly epoch?: string
  readonly format?: RecordedFormat
  /** What is between the cells of CSV. */
  readonly delimiter?: string
}

/** The rows of a file, or of standard input for `-`. */
export async function* positionRows(
  file: string,
  columns: PositionColumns,
): AsyncGenerator<PositionRow | UnreadableRow, void, void> {
  const { domain, stream, position: sequence, epoch, format, delimiter } = columns
  const fields: ReadFields = {
    stream: domain === undefined ? ['domain', stream] : [stream],
    sequence,
    ...(epoch === undefined ? { epoch: 'epoch', mayLackEpoch: true } : { epoch }),
    ...(format !== undefined && { format }),
    ...(delimiter !== undefined && { delimiter }),
    // Any whole number can be read so; what the domain takes, the import checks.
    numbering: 'increasing',
  }
  for await (const lines of readRecordedEvents(file, fields)) {
    for (const line of lines) yield rowOf(line, domain)
  }
}

function rowOf(content: RecordedLine, domain: string | undefined): PositionRow | UnreadableRow {
  const origin = `line ${content.line}`
  if (content.kind === 'invalid') {
    return { origin, problem: content.reason.replace('sequence', 'position') }
  }
  if (content.kind === 'fill') return { origin, problem: 'it is a fill, and no position' }
  const { stream, epoch, sequence: position } = content
  return { stream: domain === undefined ? stream : streamPath(domain, stream), epoch, position, origin }
}

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
    else yield keyRow(`key ${key}`, streamPath(domain, stream), value)
  }
}

function keyRow(origin: string, stream: string, value: string | undefined): PositionRow | UnreadableRow {
  if (value === undefined) return { origin, problem: 'its value is no text' }
  const position = readSequence(value, { big: true, signed: true })
  if (typeof position === 'string') return { origin, problem: `position-${position}` }
  return { origin, stream, epoch: 0, position }
}
