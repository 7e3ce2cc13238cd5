// The inboxes of streams: what is kept and not decided yet, by place and by arrival. One field a stream tells
// how much there is and how far it was looked at. Upholds I3: whoever appends writes first and then looks for
// the claim, in one script, and whoever releases a claim looks for entries in that script too, so one of the
// two sees the other.
import type { Position } from '../../core/sequence.ts'
import type { InboxEntry, InboxPage, StoredEntry } from '../../ports/records.ts'
import type { StoredInbox } from '../../ports/store-reader.ts'
import { placeOnWire } from '../../ports/store.ts'
import type { LuaScript } from '../../redis/lua-script.ts'
import { lua, storeScript } from '../../redis/lua-script.ts'
import { textIn } from '../../redis/reply.ts'
import { readInbox } from '../../storage/record-text.ts'
import { placeText } from './held.ts'

// 'inboxes' has for each stream with entries: arrivals, redrives, the newest, and up to which it was looked
// at. 'inbox:<path>' has the entries by place, 'arrivals' all of the shard by arrival, 'handed' the streams
// that are due for their inbox.
export const inboxLua: string = lua`
  local function inbox_in(told)
    if not told then return 0, 0, 0, 0 end
    local arrivals, redrives, newest, seen = string.match(told, '^(%d+) (%d+) (%d+) (%d+)$')
    return tonumber(arrivals), tonumber(redrives), tonumber(newest), tonumber(seen)
  end

  local function has_new(told)
    local _, _, newest, seen = inbox_in(told)
    return newest > seen
  end

  local function keep_inbox(path, arrivals, redrives, newest, seen)
    if arrivals + redrives == 0 then
      redis.call('HDEL', key('inboxes'), path)
      redis.call('ZREM', key('handed'), path)
      return
    end
    redis.call('HSET', key('inboxes'), path, format('%.0f %.0f %.0f %.0f', arrivals, redrives, newest, seen))
    if newest > seen or redrives > 0 then
      redis.call('ZADD', key('handed'), 0, path)
    else
      redis.call('ZREM', key('handed'), path)
    end
  end
`
export const handOverScript: LuaScript = storeScript(
  inboxLua,
  lua`
  -- Appends entries to inboxes, then looks which of their streams are free. KEYS: a shard. ARGV: path,
  -- arrival id, place and text of each. Gives: the counts, and for each whether its stream is free.
  local free = {}
  for at = 1, (last - taken) / 4 do
    local path, id, place, text = take(), take(), take(), take()
    local arrivals, redrives, _, seen = inbox_in(redis.call('HGET', key('inboxes'), path))
    redis.call('ZADD', key('inbox:' .. path), 0, place .. '\0' .. id .. '\0' .. text)
    redis.call('ZADD', key('arrivals'), 0, id .. '\0' .. place .. '\0' .. path)
    if string.sub(place, 1, 1) == 'r' then redrives = redrives + 1 else arrivals = arrivals + 1 end
    local newest = redis.call('HINCRBY', key('counts'), 'appended', 1)
    keep_inbox(path, arrivals, redrives, newest, seen)
    count('over/' .. domain_of(path), 1)
    free[at] = is_claimed(path) and 0 or 1
  end
  write_counts()
  return { redis.call('HGETALL', key('counts')), free }
`,
)
export const readInboxScript: LuaScript = storeScript(lua`
  -- The lowest entries of a part of an inbox. KEYS: a shard. ARGV: path, lower and upper bound, limit. Gives:
  -- arrival id, path and text of each.
  local path, low, high, limit = take(), take(), take(), take()
  local reply = {}
  for _, member in ipairs(redis.call('ZRANGEBYLEX', key('inbox:' .. path), low, high, 'LIMIT', 0, limit)) do
    local id, text = string.match(member, '^[^%z]*%z([^%z]*)%z(.*)$')
    for _, part in ipairs({ id, path, text }) do reply[#reply + 1] = part end
  end
  return reply
`)
export const listInboxScript: LuaScript = storeScript(lua`
  -- Entries of the inboxes of this shard in the order of arrival. KEYS: a shard. ARGV: from where, limit,
  -- path or nothing. Gives: arrival id, path and text of each.
  local from, limit, path = take(), tonumber(take()), take()
  local reply = {}
  local members
  repeat
    members = redis.call('ZRANGEBYLEX', key('arrivals'), from, '+', 'LIMIT', 0, math.max(limit, 100))
    for _, member in ipairs(members) do
      from = '(' .. member
      local id, place, of = string.match(member, '^([^%z]*)%z([^%z]*)%z(.*)$')
      if path == '' or path == of then
        local name, start = key('inbox:' .. of), place .. '\0' .. id
        local kept = redis.call('ZRANGEBYLEX', name, '[' .. start .. '\0', '(' .. start .. '\1')[1]
        if kept then
          for _, part in ipairs({ id, of, string.match(kept, '^[^%z]*%z[^%z]*%z(.*)$') }) do
            reply[#reply + 1] = part
          end
        end
      end
      if #reply == limit * 3 then return reply end
    end
  until #members == 0
  return reply
`)

/** Where an entry lies in its inbox: what is tried again is apart from what is to be decided. */
export function entryPlace({ arrival, redrive }: InboxEntry): string {
  return `${redrive === undefined ? 'a' : 'r'}${textOf(placeOnWire(arrival))}`
}

/** What the scripts take of a page. */
export function pageArguments({ stream, redrives, from, below, limit }: InboxPage): (string | number)[] {
  const [kind, behind] = redrives === true ? ['r', 's'] : ['a', 'b']
  const first = from === undefined ? `[${kind}` : `[${kind}${textOf(from)}`
  const end = below === undefined ? `(${behind}` : `(${kind}${textOf(below)}`
  return [stream, first, end, limit]
}

/** An entry from its id, path and text. */
export function entryIn([id, path, text]: readonly unknown[]): StoredEntry {
  return { stream: textIn(path), arrivalId: textIn(id), ...readInbox(textIn(text)) }
}

/** How much an inbox has; `undefined` where there is none. */
export function inboxIn(told: string): (StoredInbox & { readonly newest: number }) | undefined {
  if (told === '') return undefined
  const [arrivals = 0, redrives = 0, newest = 0, seen = 0] = told.split(' ').map(Number)
  return { arrivals, redrives, newest, hasNew: newest > seen }
}

function textOf({ epoch, sequence }: Position): string {
  return placeText(epoch, sequence)
}
