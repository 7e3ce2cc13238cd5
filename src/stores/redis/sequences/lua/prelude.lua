-- What the scripts of a sequence store share, behind what all scripts in one slot share. Sequences are
-- replied as text, as clients round the largest numbers.

-- `:last` has the last number of each path. `:reservations` has each reservation as its state (open, used,
-- burned or published), when its claim ends, first and last number, path and reason, with zero bytes in
-- between. `:open:<domain>`, `:burned:<domain>` and `:ended` have the reservations in these states by the
-- end of their claims. `:assigned:<scope>` has the numbers of messages, and `:order:<scope>` the messages,
-- the oldest first.
local time = redis.call('TIME')
local now = math.floor((time[1] * 1000000 + time[2]) / 1000 + ARGV[1])

-- Takes the next numbers of a stream: the first of them, or nothing and the last one that was given, where
-- the numbers are used up.
local function take_numbers(path, count)
  local last = tonumber(redis.call('HGET', key('last'), path) or 0)
  if last > 9007199254740991 - count then return nil, last end
  redis.call('HSET', key('last'), path, whole(last + count))
  return last + 1
end

local function read_reservation(id)
  local text = redis.call('HGET', key('reservations'), id)
  if not text then return end
  local state, ends, first, last, path, reason =
    string.match(text, '^(%a+)%z(%d+)%z(%d+)%z(%d+)%z([^%z]+)%z(.*)$')
  return { state = state, ends = ends, first = first, last = last, path = path, reason = reason }
end

local function index_of(reservation, state)
  if state ~= 'open' and state ~= 'burned' then return key('ended') end
  return key(state .. ':' .. string.match(reservation.path, '^[^/]*'))
end

local function move_to(id, reservation, state)
  local former = reservation.state
  reservation.state = state
  local range = reservation.first .. '\0' .. reservation.last
  local fields = { state, reservation.ends, range, reservation.path, reservation.reason }
  redis.call('HSET', key('reservations'), id, table.concat(fields, '\0'))
  if former then redis.call('ZREM', index_of(reservation, former), id) end
  redis.call('ZADD', index_of(reservation, state), reservation.ends, id)
end
