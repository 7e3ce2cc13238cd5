// Reading the log: pages, pieces of streams and bounds, each from one moment in one call. Reading makes
// nothing, and a log that is not there is said to be so. Upholds I7: a page ends after some bytes, too.
import type { LogStream } from '../../../core/append-errors.ts'
import { InturnError } from '../../../core/errors.ts'
import type { LoggedEvent } from '../../../core/logged-event.ts'
import { parseStreamPath, streamPath } from '../../../core/stream-path.ts'
import type { LogBounds, LogPage, LogRead } from '../../../ports/event-log.ts'
import type { Connection } from '../../../redis/connection.ts'
import type { LuaScript } from '../../../redis/lua-script.ts'
import { lua, oneSlotScript } from '../../../redis/lua-script.ts'
import { at, groupsIn, listIn, numberIn, textIn } from '../../../redis/reply.ts'
import { loggedEvent } from '../../../storage/logged-text.ts'
import type { StreamPiece } from '../../../storage/read-log.ts'
import { pageOf, pageStart, rowsWanted } from '../../../storage/read-log.ts'
import type { LogMemory } from './log-memory.ts'
import { keptIn } from './logged-entry.ts'
import { logLua } from './open-log.ts'

const pageScript = oneSlotScript(
  logLua,
  lua`
  -- A page of the whole log. KEYS: the log. ARGV: the place behind which it begins, or nothing for the first
  -- one there is; how many events at most, and how many bytes of data until it ends. Gives: nothing if there
  -- is no log; or identity, version, first and last place, the events, the number and the path of each of
  -- their streams, and whether the page ended because of the bytes. There are no events where the page begins
  -- below the first place.
  local log = redis.call('HMGET', key('log'), 'identity', 'version', 'first', 'last')
  if not log[1] then return {} end
  local first = tonumber(log[3])
  local after, left, bytes_max = tonumber(take()) or first - 1, tonumber(take()), tonumber(take())
  if after < first - 1 then return log end

  -- Few at a time, as each may be large.
  local entries, bytes, is_cut = {}, 0, 0
  while left > 0 do
    if bytes > bytes_max then
      is_cut = 1
      break
    end
    local count = math.min(left, 16)
    local more = redis.call('XRANGE', events, whole(after + 1), '+', 'COUNT', count)
    for _, entry in ipairs(more) do
      entries[#entries + 1] = entry
      bytes = bytes + #entry[2][10]
    end
    if #more < count then break end
    after, left = place_in(more[#more]), left - count
  end

  local names, is_named = {}, {}
  for _, entry in ipairs(entries) do
    local number = entry[2][2]
    if not is_named[number] then
      is_named[number] = true
      names[#names + 1] = number
      names[#names + 1] = redis.call('LINDEX', key('at:' .. number), 0)
    end
  end
  return { log[1], log[2], log[3], log[4], entries, names, is_cut }
`,
)
const streamScript = oneSlotScript(
  logLua,
  lua`
  -- Some events of one stream. KEYS: the log. ARGV: its path, the lowest and the highest number, how many at
  -- most, how many bytes of data until it ends, and 1 for descending. Gives: nothing if there is no log, or
  -- identity, version and the events: a beginning of those that are asked for and there.
  local log = redis.call('HMGET', key('log'), 'identity', 'version')
  if not log[1] then return {} end
  local number = redis.call('HGET', key('streams'), take())
  if not number then return { log[1], log[2], {} } end
  local from, to, limit, bytes_max = tonumber(take()), tonumber(take()), tonumber(take()), tonumber(take())
  local is_descending = take() == '1'
  local list = key('at:' .. number)

  -- Of the number n the place is at the index n - removed + 1.
  local shift = 1 - redis.call('LINDEX', list, 1)
  local low, high = math.max(from + shift, 2), math.min(to + shift, redis.call('LLEN', list) - 1)
  if low > high then return { log[1], log[2], {} } end
  if is_descending then low = math.max(low, high - limit + 1) else high = math.min(high, low + limit - 1) end
  local places = redis.call('LRANGE', list, whole(low), whole(high))
  if is_descending then
    for at = 1, math.floor(#places / 2) do
      places[at], places[#places + 1 - at] = places[#places + 1 - at], places[at]
    end
  end
  return { log[1], log[2], entries_at(places, bytes_max) }
`,
)
const boundsScript = oneSlotScript(
  logLua,
  lua`
  -- What is there. KEYS: the log. ARGV: a stream's path, or nothing for the places of the log. Gives: nothing
  -- if there is no log, or identity and version, the first one that is there, and the last one that was
  -- given.
  local log = redis.call('HMGET', key('log'), 'identity', 'version', 'first', 'last')
  if not log[1] then return {} end
  local path = take()
  if path == '' then return log end
  local number = redis.call('HGET', key('streams'), path)
  if not number then return { log[1], log[2], 1, 0 } end
  local list = key('at:' .. number)
  local removed = tonumber(redis.call('LINDEX', list, 1))
  return { log[1], log[2], whole(removed + 1), whole(removed + redis.call('LLEN', list) - 2) }
`,
)

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
