// Makes a log where there is none, and learns who it is: a log that the server has lost, and perhaps begun
// anew, must not be taken for the one that was opened. Its numbers would be given a second time. Upholds I3.
import { randomBytes } from 'node:crypto'
import type { Connection } from '../../../redis/connection.ts'
import { lua, oneSlotScript } from '../../../redis/lua-script.ts'
import { at, numberIn, textIn } from '../../../redis/reply.ts'

export const logLua: string = lua`
  -- What the scripts of an event log share, behind what all scripts in one slot share. Sequences are replied
  -- as text, as clients round the largest numbers.

  -- ':log' has identity, version, first and last place, and the size of the index of ids. ':events' is a
  -- Redis stream whose ids are place-milliseconds, with the fields s (number of the stream), n (sequence), i
  -- (id), t (type), d (data), and perhaps w (when) and a (attributes), in this order. ':streams' has the
  -- number of each path. ':at:<number>' is a list: path, how many of its events were removed, and the places
  -- of the others.
  local events = base .. ':events'

  local function clock()
    local time = redis.call('TIME')
    return math.floor((time[1] * 1000000 + time[2]) / 1000 + ARGV[1])
  end

  local function place_in(entry)
    return tonumber(string.match(entry[1], '^%d+'))
  end

  -- The events at some places, one after the other, up to so many bytes of data.
  local function entries_at(places, bytes_max)
    local entries, bytes = {}, 0
    for _, place in ipairs(places) do
      if bytes > bytes_max then break end
      local entry = redis.call('XRANGE', events, place, place)[1]
      if not entry then break end
      entries[#entries + 1] = entry
      bytes = bytes + #entry[2][10]
    end
    return entries
  end
`
const openScript = oneSlotScript(
  logLua,
  lua`
  -- Makes the log, if it is not there. KEYS: the log. ARGV: version, and an identity for a new log. Gives:
  -- version, identity and last place as they are.
  local log = key('log')
  local version, identity = take(), take()
  if redis.call('EXISTS', log) == 0 then
    redis.call('HSET', log, 'version', version, 'identity', identity, 'first', 1, 'last', 0)
  end
  return redis.call('HMGET', log, 'version', 'identity', 'last')
`,
)

/** How a log lies on the server. */
export const logVersion = 1

/** A log as it is when it is opened. */
export interface OpenedLog {
  readonly identity: string
  readonly version: number
  /** The last place that was given. */
  readonly last: number
}

/** Opens a log. */
export async function openLog(connection: Connection, base: string): Promise<OpenedLog> {
  const identity = randomBytes(9).toString('base64url')
  const [reply] = await connection.write([{ script: openScript, keys: [base], args: [logVersion, identity] }])
  return {
    identity: textIn(at(reply, 1)),
    version: numberIn(at(reply, 0)),
    last: numberIn(at(reply, 2)),
  }
}
