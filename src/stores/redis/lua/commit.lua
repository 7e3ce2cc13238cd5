-- Commits what changes for the streams of one shard. First every claim is checked, then everything is
-- written: a stream whose claim is lost changes nothing. What is to run inside the commit before positions
-- move belongs between the two. Redis has no rollback, so nothing that is written here can fail for its type.
-- Takes: fence, worker, number of streams, path and last known place of each, and then for each its parts.
-- Gives: 1 or 0 for each stream, and the counts if those of a domain changed.
local fence, worker, streams = take(), take(), tonumber(take())
local outcomes, paths, places = {}, {}, {}
for index = 1, streams do
  paths[index], places[index] = take(), take()
end
local owner = redis.call('HGET', key('workers'), fence)
local is_owner = owner and string.match(owner, '^%d+ (.*)$') == worker
for index, claim in ipairs(call_many('HMGET', key('claims'), paths)) do
  outcomes[index] = is_owner and claim == fence and 1 or 0
end

-- A leaf that has more streams than this is split in the middle, unless it grew at its end, where it is left
-- full: paths that rise, as ids with a time in them do, would leave half of every leaf empty otherwise.
local leaf_max = 128

-- Bytes decide, not the server's locale, which Lua's own comparison of texts would obey.
local function is_before(a, b)
  local size = math.min(#a, #b)
  for at = 1, size do
    local x, y = byte(a, at), byte(b, at)
    if x ~= y then return x < y end
  end
  return #a < #b
end

local function new_leaf(lowest)
  local number = redis.call('HINCRBY', key('counts'), 'leaf', 1)
  redis.call('ZADD', key('leaves'), 0, lowest .. '\0' .. number)
  return number
end

local function split(leaf)
  local name = key('leaf:' .. leaf)
  local elements = redis.call('LRANGE', name, 0, -1)
  local entries = {}
  for at = 1, #elements, 2 do entries[#entries + 1] = { elements[at], elements[at + 1] } end
  local newest = entries[#entries]
  table.sort(entries, function(a, b) return is_before(a[1], b[1]) end)
  local last = #entries
  local middle = newest == entries[last] and last or floor(last / 2) + 1
  local upper = key('leaf:' .. new_leaf(entries[middle][1]))
  redis.call('DEL', name)
  for at, entry in ipairs(entries) do
    redis.call('RPUSH', at < middle and name or upper, entry[1], entry[2])
  end
end

local function insert_record(leaf, path, record)
  leaf = leaf or new_leaf('')
  if redis.call('RPUSH', key('leaf:' .. leaf), path, record) > 2 * leaf_max then split(leaf) end
  count('streams', 1)
end

local function flag(flags, bit)
  return floor(flags / bit) % 2 == 1
end

local function keep_due(name, path, was_due, at)
  if at ~= '' then
    redis.call('ZADD', key(name), at, path)
  elseif was_due then
    redis.call('ZREM', key(name), path)
  end
end

-- The first byte of a record: 0 nothing, 1 holds events, 2 its head failed, 3 halted; 4: due by the clock;
-- 8: due by the reading clock. It spares a stream that moves and waits for nothing all other writes.
local function keep_standing(path, old, new)
  if new % 4 > 0 then
    redis.call('ZADD', key('waiting'), 0, path)
  elseif old % 4 > 0 then
    redis.call('ZREM', key('waiting'), path)
  end
  if old % 4 == 3 then count('halted', -1) elseif old % 4 == 2 then count('failing', -1) end
  if new % 4 == 3 then count('halted', 1) elseif new % 4 == 2 then count('failing', 1) end
end

local written_at = packed(now)
local packed_fence = packed(tonumber(fence))
local function keep_stream(path, place)
  local state, deliveries, flags = take(), tonumber(take()), tonumber(take())
  local record, leaf, at = find_record(path, place)
  local old_flags, delivered = 0, 0
  if record then
    old_flags = byte(record)
    delivered = unpacked(record, 2)
  end
  local new = char(flags) .. packed(delivered + deliveries) .. packed_fence .. written_at .. state
  if at then redis.call('LSET', key('leaf:' .. leaf), at, new) else insert_record(leaf, path, new) end
  count('deliveries', deliveries)
  if flags > 0 or old_flags > 0 then
    keep_standing(path, old_flags, flags)
    keep_due('due', path, flag(old_flags, 4), flag(flags, 4) and take() or '')
    keep_due('reading', path, flag(old_flags, 8), flag(flags, 8) and take() or '')
  end
end

local has_domain_count = false
local function count_domain(kind, path, difference)
  has_domain_count = true
  count(kind .. domain_of(path), difference)
end

local function keep_held(path)
  local name, difference = key('held:' .. path), 0
  for _ = 1, take() do
    difference = difference - redis.call('ZREMRANGEBYLEX', name, take(), take())
  end
  for _ = 1, take() do
    local place, text = take(), take()
    local replaced = redis.call('ZREMRANGEBYLEX', name, '[' .. place .. '\0', '(' .. place .. '\1')
    difference = difference + 1 - replaced
    redis.call('ZADD', name, 0, place .. '\0' .. text)
  end
  count_domain('held/', path, difference)
  if redis.call('EXISTS', name) == 1 then
    redis.call('ZADD', key('holding'), 0, path)
  else
    redis.call('ZREM', key('holding'), path)
  end
end

local function forget_decided(path)
  local name = key('over:' .. path)
  for _ = 1, take() do
    local id = take()
    if redis.call('ZREMRANGEBYLEX', name, '[' .. id .. '\0', '(' .. id .. '\1') > 0 then
      redis.call('ZREM', key('arrivals'), id .. '\0' .. path)
      count_domain('over/', path, -1)
    end
  end
  if redis.call('EXISTS', name) == 0 then redis.call('ZREM', key('handed'), path) end
end

-- A stream's parts: how many arguments they are, then one letter for each part that it has, then the parts.
for index, path in ipairs(paths) do
  local size = tonumber(take())
  if outcomes[index] == 0 then
    taken = taken + size
  else
    local parts = take()
    if string.find(parts, 's', 1, true) then keep_stream(path, places[index]) end
    if string.find(parts, 'h', 1, true) then keep_held(path) end
    if string.find(parts, 'd', 1, true) then forget_decided(path) end
    if string.find(parts, 'r', 1, true) then keep_records() end
  end
end
write_counts()
return { outcomes, has_domain_count and redis.call('HGETALL', key('counts')) or {} }
