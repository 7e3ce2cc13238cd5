// Reading the log: pages, pieces of streams and bounds, each from one moment in one call. Reading makes
// nothing, and a log that is not there is said to be so. Upholds I7: a page ends after some bytes, too.
import type { LogStream } from '../../../core/append-errors.ts'
import { InturnError } from '../../../core/errors.ts'
import type { LoggedEvent } from '../../../core/logged-event.ts'
import { parseStreamPath, streamPath } from '../../../core/stream-path.ts'
import type { LogBounds, LogPage, LogRead } from '../../../ports/event-log.ts'
import { loggedEvent } from '../../../ports/logged-text.ts'
import type { StreamPiece } from '../../../ports/read-log.ts'
import { pageOf, pageStart, rowsWanted } from '../../../ports/read-log.ts'
import type { Connection } from '../connection.ts'
import type { LuaScript } from '../lua-script.ts'
import { scriptOf } from '../lua-script.ts'
import { at, groupsIn, listIn, numberIn, textIn } from '../reply.ts'
import type { LogMemory } from './log-memory.ts'
import { keptIn } from './logged-entry.ts'

const prelude = new URL('lua/prelude.lua', import.meta.url)
const pageScript = scriptOf(prelude, new URL('lua/read-page.lua', import.meta.url))
const streamScript = scriptOf(prelude, new URL('lua/read-stream.lua', import.meta.url))
const boundsScript = scriptOf(prelude, new URL('lua/read-bounds.lua', import.meta.url))

/** A page ends with the event that makes it larger than this. */
const pageBytesMax = 1_048_576

/** Where a log is read. */
export interface ReadLog {
  readonly name: string
  readonly connection: Connection
  /** What its keys begin with. */
  readonly base: string
  readonly memory: LogMemory
}

/** A page of the log, and where it begins. */
export async function readPage(
  log: ReadLog,
  request: LogRead & { readonly limit: number },
): Promise<LogPage> {
  const { limit, after = 0, ...filter } = request
  // Whether it is a place at all; whether it is still there the reply will tell.
  pageStart(log.name, after, { first: 1, last: 0 })
  const known = log.memory.last
  const asked = after === 'kept' ? '' : after
  const reply = await readLog(log, pageScript, [asked, rowsWanted(limit, filter), pageBytesMax])
  const [first, last] = [numberIn(at(reply, 2)), numberIn(at(reply, 3))]
  log.memory.noteLast({ last, known })
  // Behind the end of a log that reached further nobody may wait: other events will get these places.
  if (after !== 'kept' && after > last && after <= known) log.memory.refuse()
  const start = pageStart(log.name, after, { first, last })
  const page = pageOf(eventsIn(reply), { after: start, limit, filter })
  return numberIn(at(reply, 6)) === 1 ? { ...page, isEnd: false } : page
}

/** A beginning of a range of a stream. */
export async function readPiece(log: ReadLog, piece: StreamPiece): Promise<readonly LoggedEvent[]> {
  const { domain, stream, from, to, limit, backwards } = piece
  const args = [streamPath(domain, stream), from, to, limit, pageBytesMax, backwards ? 1 : 0]
  const reply = await readLog(log, streamScript, args)
  return listIn(at(reply, 2)).map((entry) => loggedEvent({ domain, stream }, keptIn(entry).kept))
}

/** What is there of a stream, or of the log. */
export async function readBounds(log: ReadLog, asked?: LogStream): Promise<LogBounds> {
  const path = asked === undefined ? '' : streamPath(asked.domain, asked.stream)
  const known = log.memory.last
  const reply = await readLog(log, boundsScript, [path])
  const [first, last] = [numberIn(at(reply, 2)), numberIn(at(reply, 3))]
  if (asked === undefined) log.memory.noteLast({ last, known })
  return { first, last }
}

async function readLog(
  { connection, base, memory }: ReadLog,
  script: LuaScript,
  args: readonly (string | number)[],
): Promise<unknown> {
  await connection.openForReading()
  const reply = await connection.readOne({ script, keys: [base], args })
  if (listIn(reply).length === 0) memory.noteNone(base)
  memory.noteLog({ identity: textIn(at(reply, 0)), version: numberIn(at(reply, 1)) })
  return reply
}

function eventsIn(reply: unknown): readonly LoggedEvent[] {
  const streams = new Map(
    groupsIn(at(reply, 5), 2).map(([number, path]) => [textIn(number), parseStreamPath(textIn(path))]),
  )
  return listIn(at(reply, 4)).map((entry) => {
    const { stream, kept } = keptIn(entry)
    const named = streams.get(stream)
    if (named !== undefined) return loggedEvent(named, kept)
    throw new InturnError('store-corrupt', `the log has an event at ${kept.place} that is of no stream`)
  })
}
