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
