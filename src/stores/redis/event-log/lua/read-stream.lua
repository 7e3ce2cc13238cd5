-- Some events of one stream. Takes: its path, the lowest and the highest number, how many at most, how many
-- bytes of data until it ends, and 1 for descending. Gives: nothing if there is no log, or identity,
-- version and the events: a beginning of those that are asked for and there.
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
