-- Dead letters and ledger entries. Their ids are microseconds of the server's clock and rise within a shard,
-- so that the records of all shards can be read in the order in which they were kept.
local last_id
local function next_id()
  last_id = last_id or tonumber(redis.call('HGET', key('counts'), 'last') or 0)
  last_id = math.max(micros, last_id + 1)
  redis.call('HSET', key('counts'), 'last', whole(last_id))
  return last_id
end

-- A dead letter is kept as: id, path, place among the overflow of its stream, text; zero bytes in between.
local function forget_letter(name)
  local kept = redis.call('HGET', key('letter'), name)
  if not kept then return end
  local path, place = string.match(kept, '^%d+%z([^%z]*)%z([^%z]*)%z')
  redis.call('HDEL', key('letter'), name)
  redis.call('ZREM', key('letters'), name)
  if path ~= '' then redis.call('ZREM', key('letters:' .. path), name) end
  if place ~= '' then redis.call('ZREM', key('overflow:' .. path), place .. '\0' .. name) end
end

local function keep_letter(name, path, place, text)
  if redis.call('HEXISTS', key('letter'), name) == 1 then return end
  local id = whole(next_id())
  redis.call('HSET', key('letter'), name, table.concat({ id, path, place, text }, '\0'))
  redis.call('ZADD', key('letters'), id, name)
  if path ~= '' then redis.call('ZADD', key('letters:' .. path), id, name) end
  if place ~= '' then redis.call('ZADD', key('overflow:' .. path), 0, place .. '\0' .. name) end
end

local function keep_entry(path, text)
  local id = whole(next_id())
  redis.call('XADD', key('ledger'), id .. '-0', 't', text)
  if path ~= '' then redis.call('ZADD', key('ledger:' .. path), id, id) end
end

local function keep_records()
  for _ = 1, take() do forget_letter(take()) end
  for _ = 1, take() do keep_letter(take(), take(), take(), take()) end
  for _ = 1, take() do keep_entry(take(), take()) end
end
