// What the script that appends is given, and what its reply means. The rules stand in core/plan-append.ts:
// the script writes only what they certainly allow, and tells what it has found; so they are asked with
// that, and say which numbers the events have, or why nothing was written. Upholds I3 and I9.
import { hash } from 'node:crypto'
import { invariant } from '../../../core/errors.ts'
import type { Appended } from '../../../core/logged-event.ts'
import { planAppend } from '../../../core/plan-append.ts'
import type { KeptEvent, PreparedAppend, StreamKnown } from '../../../core/plan-append.ts'
import type { StreamPath } from '../../../core/stream-path.ts'
import { streamPath } from '../../../core/stream-path.ts'
import type { LuaScript } from '../../../redis/lua-script.ts'
import { lua, oneSlotScript } from '../../../redis/lua-script.ts'
import type { RedisArgument } from '../../../redis/redis-client.ts'
import { at, groupsIn, listIn, numberIn } from '../../../redis/reply.ts'
import { appendedEvent } from '../../../storage/logged-text.ts'
import { keptIn } from './logged-entry.ts'
import { logLua } from './open-log.ts'

const idsLua = lua`
  -- The index of ids: where the event of a stream with an id is. Its digests (8 bytes) lie in small hashes,
  -- which take a quarter of the memory of a large one. There are as many as the ids need: with every 32 of
  -- them one more, to which half of another one moves (linear hashing). A digest may stand for several
  -- places, so whoever finds one looks at the event itself.
  local per_bucket = 32
  local ids, buckets

  local function read_index()
    local index = redis.call('HMGET', key('log'), 'ids', 'buckets')
    ids, buckets = tonumber(index[1] or 0), tonumber(index[2] or 1)
  end

  local function bucket_of(digest)
    local a, b, c, d = string.byte(digest, 1, 4)
    local hash = ((a * 256 + b) * 256 + c) * 256 + d
    local _, bits = math.frexp(buckets)
    local bucket = hash % 2 ^ bits
    if bucket >= buckets then bucket = hash % 2 ^ (bits - 1) end
    return key('ids:' .. whole(bucket))
  end

  local function forget_id(digest, place)
    local bucket = bucket_of(digest)
    local others = {}
    for other in string.gmatch(redis.call('HGET', bucket, digest) or '', '%d+') do
      if tonumber(other) ~= place then others[#others + 1] = other end
    end
    if #others == 0 then
      redis.call('HDEL', bucket, digest)
    else
      redis.call('HSET', bucket, digest, table.concat(others, ' '))
    end
    ids = ids - 1
  end

  -- The event of a stream that has an id; nil where there is none.
  local function find_id(digest, number, id)
    for place in string.gmatch(redis.call('HGET', bucket_of(digest), digest) or '', '%d+') do
      local entry = redis.call('XRANGE', events, place, place)[1]
      if entry and entry[2][2] == number and entry[2][6] == id then return entry end
    end
  end

  -- One bucket more: takes what belongs there from the one that had it so far.
  local function split()
    local _, bits = math.frexp(buckets)
    local old = key('ids:' .. whole(buckets - 2 ^ (bits - 1)))
    local there = redis.call('HGETALL', old)
    local new = key('ids:' .. whole(buckets))
    buckets = buckets + 1
    local moved, left = {}, {}
    for at = 1, #there, 2 do
      if bucket_of(there[at]) == new then
        moved[#moved + 1], moved[#moved + 2] = there[at], there[at + 1]
        left[#left + 1] = there[at]
      end
    end
    for from = 1, #moved, 1000 do
      redis.call('HSET', new, unpack(moved, from, math.min(from + 999, #moved)))
      redis.call('HDEL', old, unpack(left, (from + 1) / 2, math.min((from + 999) / 2, #left)))
    end
  end

  local function keep_id(digest, place)
    local bucket = bucket_of(digest)
    if redis.call('HSETNX', bucket, digest, whole(place)) == 0 then
      redis.call('HSET', bucket, digest, redis.call('HGET', bucket, digest) .. ' ' .. whole(place))
    end
    ids = ids + 1
    if ids > buckets * per_bucket then split() end
  end
`
export const appendScript: LuaScript = oneSlotScript(
  logLua,
  idsLua,
  lua`
  -- Appends batches one after the other, each as a whole or not at all. What an append comes to is decided by
  -- the rules in the program; this looks only whether a batch can be written: none of its ids is there, and
  -- every stream is where it is expected. KEYS: the log.

  -- ARGV: the log's identity, the version, and for each batch how many entries it has; for each entry its
  -- stream's path, the expected number or nothing, and how many events it has; for each event digest, id,
  -- type, time or nothing, attributes or nothing, data. Gives: nothing if the log is another one; its version
  -- if that is another one; or the last place before and after, the time, and for each batch: whether it is
  -- written, the place before its first event, the last number of each entry's stream before, and what was
  -- found of its events (entry, event, entry, event, ...).
  local log = key('log')
  local event_args = 6
  local known = redis.call('HMGET', log, 'identity', 'version', 'last')
  if known[1] ~= take() then return {} end
  if known[2] ~= take() then return { known[2] } end
  local before = tonumber(known[3])
  local last = before
  local now = clock()
  read_index()

  local streams = {}
  local function stream_of(path)
    local stream = streams[path]
    if stream then return stream end
    stream = { number = redis.call('HGET', key('streams'), path), head = 0 }
    if stream.number then
      local list = key('at:' .. stream.number)
      stream.head = redis.call('LINDEX', list, 1) + redis.call('LLEN', list) - 2
    end
    streams[path] = stream
    return stream
  end

  local function take_batch()
    local batch = {}
    for at = 1, take() do
      local entry = { path = take(), expected = take(), count = tonumber(take()), from = taken + 1 }
      taken = taken + entry.count * event_args
      batch[at] = entry
    end
    return batch
  end

  local function found_of(batch)
    local found = {}
    for at, entry in ipairs(batch) do
      local number = stream_of(entry.path).number
      -- A stream that is new has no ids.
      local count = number and entry.count or 0
      for arg = entry.from, entry.from + (count - 1) * event_args, event_args do
        local event = find_id(ARGV[arg], number, ARGV[arg + 1])
        if event then
          found[#found + 1] = at
          found[#found + 1] = event
        end
      end
    end
    return found
  end

  local function are_expected(batch)
    local heads = {}
    for _, entry in ipairs(batch) do
      local head = heads[entry.path] or stream_of(entry.path).head
      if entry.expected ~= '' and tonumber(entry.expected) ~= head then return false end
      heads[entry.path] = head + entry.count
      if heads[entry.path] > 9007199254740991 then return false end
    end
    return true
  end

  local function make_stream(path)
    local number = whole(redis.call('HLEN', key('streams')) + 1)
    redis.call('HSET', key('streams'), path, number)
    redis.call('RPUSH', key('at:' .. number), path, 0)
    return number
  end

  local function write_event(stream, arg)
    local time, attributes, data = ARGV[arg + 3], ARGV[arg + 4], ARGV[arg + 5]
    local id, type = ARGV[arg + 1], ARGV[arg + 2]
    local fields = { 's', stream.number, 'n', whole(stream.head), 'i', id, 't', type, 'd', data }
    if time ~= '' then
      fields[11], fields[12] = 'w', time
    end
    if attributes ~= '' then
      fields[#fields + 1], fields[#fields + 2] = 'a', attributes
    end
    redis.call('XADD', events, format('%.0f-%.0f', last, now), unpack(fields))
    keep_id(ARGV[arg], last)
  end

  local function write_entry(entry)
    if entry.count == 0 then return end
    local stream = stream_of(entry.path)
    stream.number = stream.number or make_stream(entry.path)
    local places = {}
    for arg = entry.from, entry.from + (entry.count - 1) * event_args, event_args do
      last = last + 1
      stream.head = stream.head + 1
      write_event(stream, arg)
      places[#places + 1] = whole(last)
    end
    for from = 1, #places, 1000 do
      redis.call('RPUSH', key('at:' .. stream.number), unpack(places, from, math.min(from + 999, #places)))
    end
  end

  local reply = { before, 0, now }
  while taken < #ARGV do
    local batch = take_batch()
    local heads = {}
    for at, entry in ipairs(batch) do heads[at] = whole(stream_of(entry.path).head) end
    local place, found = last, found_of(batch)
    local can_be = #found == 0 and are_expected(batch)
    if can_be then
      for _, entry in ipairs(batch) do write_entry(entry) end
    end
    reply[#reply + 1] = { can_be and 1 or 0, place, heads, found }
  end

  if last > before then
    redis.call('HSET', log, 'last', whole(last), 'ids', whole(ids), 'buckets', whole(buckets))
  end
  reply[2] = last
  return reply
`,
)
export const trimScript: LuaScript = oneSlotScript(
  logLua,
  idsLua,
  lua`
  -- Removes the beginning of the log. KEYS: the log. ARGV: the log's identity, and the last place to remove.
  -- Gives: nothing if the log is another one, or how many events were removed. When memory is full it works
  -- all the same: its first write frees some.
  local log = key('log')
  if redis.call('HGET', log, 'identity') ~= take() then return {} end
  local through = take()
  read_index()

  local paths = {}
  local function path_of(number)
    paths[number] = paths[number] or redis.call('LINDEX', key('at:' .. number), 0)
    return paths[number]
  end

  -- As the program makes it for an append.
  local function digest_of(path, id)
    local hex = string.sub(redis.sha1hex(path .. '\0' .. id), 1, 16)
    return (string.gsub(hex, '..', function(two) return string.char(tonumber(two, 16)) end))
  end

  local removed_of, removed, first = {}, 0, nil
  repeat
    local entries = redis.call('XRANGE', events, '-', through, 'COUNT', 16)
    for _, entry in ipairs(entries) do
      local number = entry[2][2]
      first = place_in(entry) + 1
      forget_id(digest_of(path_of(number), entry[2][6]), first - 1)
      removed_of[number] = (removed_of[number] or 0) + 1
    end
    removed = removed + #entries
    if #entries > 0 then redis.call('XTRIM', events, 'MINID', '=', whole(first)) end
  until #entries < 16

  for number, count in pairs(removed_of) do
    local list = key('at:' .. number)
    local so_far = redis.call('LINDEX', list, 1)
    redis.call('LPOP', list, 2 + count)
    redis.call('LPUSH', list, whole(so_far + count), path_of(number))
  end
  if removed > 0 then redis.call('HSET', log, 'first', whole(first), 'ids', whole(ids)) end
  return { removed }
`,
)

type Argument = RedisArgument | number

/** How much a batch is. */
export function sizeOf(batch: readonly PreparedAppend[]): {
  readonly events: number
  readonly bytes: number
} {
  let [events, bytes] = [0, 0]
  for (const append of batch) {
    events += append.events.length
    for (const { data, attributes = '' } of append.events) {
      bytes += Buffer.byteLength(data) + Buffer.byteLength(attributes)
    }
  }
  return { events, bytes }
}

/** A batch as the script takes it. */
export function appendArguments(batch: readonly PreparedAppend[]): Argument[] {
  const args: Argument[] = [batch.length]
  for (const { domain, stream, expected, events } of batch) {
    const path = streamPath(domain, stream)
    args.push(path, expectedArgument(expected), events.length)
    for (const { id, type, time = '', attributes = '', data } of events) {
      args.push(idDigest(path, id), id, type, time, attributes, data)
    }
  }
  return args
}

/**
 * What a batch came to: its part of the script's reply.
 *
 * @throws what `planAppend` throws where the batch was refused
 */
export function appendedIn(
  batch: readonly PreparedAppend[],
  { reply, now }: { readonly reply: unknown; readonly now: number },
): readonly Appended[] {
  const known = knownIn(reply)
  const plan = planAppend(batch, known)
  invariant((plan.kind === 'append') === (at(reply, 0) === 1), 'a script appends what the rules refuse')
  let place = numberIn(at(reply, 1))
  return batch.map((append, index) => {
    if (plan.kind === 'duplicate') {
      return appended(append, { kept: plan.events[index] ?? [], position: known[index]?.head ?? 0 }, true)
    }
    const kept = numbered(append, { first: plan.firsts[index] ?? 1, place, now })
    place += kept.length
    return appended(append, { kept, position: (plan.firsts[index] ?? 1) + kept.length - 1 }, false)
  })
}

function expectedArgument(expected: PreparedAppend['expected']): Argument {
  if (expected === 'any') return ''
  return expected === 'none' ? 0 : expected
}

function knownIn(reply: unknown): readonly StreamKnown[] {
  const known = listIn(at(reply, 2)).map((head) => ({
    head: numberIn(head),
    byId: new Map<string, KeptEvent>(),
  }))
  for (const [entry, found] of groupsIn(at(reply, 3), 2)) {
    const { kept } = keptIn(found)
    known[numberIn(entry) - 1]?.byId.set(kept.id, kept)
  }
  return known
}

function numbered(
  { events }: PreparedAppend,
  { first, place, now }: { readonly first: number; readonly place: number; readonly now: number },
): readonly KeptEvent[] {
  const time = new Date(now).toISOString()
  return events.map((event, index) => ({
    ...event,
    time: event.time ?? time,
    sequence: first + index,
    place: place + index + 1,
    appendedAt: now,
  }))
}

function appended(
  { domain, stream }: PreparedAppend,
  { kept, position }: { readonly kept: readonly KeptEvent[]; readonly position: number },
  duplicate: boolean,
): Appended {
  const events = kept.map((event) => appendedEvent({ domain, stream }, event))
  return { domain, stream, duplicate, events, position }
}

/**
 * By what the index of ids knows an event, the same that scripts make when they forget it. Two events may
 * share one, so whoever finds it looks at the event itself.
 */
export function idDigest(path: StreamPath, id: string): Buffer {
  return hash('sha1', `${path}\0${id}`, 'buffer').subarray(0, 8)
}
