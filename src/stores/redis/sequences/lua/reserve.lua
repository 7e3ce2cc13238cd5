-- Takes the next numbers of a stream under a claim, and forgets some of the reservations that ended long
-- ago. Takes: path, count, for how long, and for how long ended ones are remembered, both in milliseconds.
-- Gives: the first number, the reservation, and until when; or the last number, where they are used up.
local path, count, claim_ms, remembered_ms = take(), tonumber(take()), tonumber(take()), tonumber(take())
local first, last = take_numbers(path, count)
if not first then return { whole(last) } end

local long_ago = '(' .. whole(now - remembered_ms)
local forgotten = redis.call('ZRANGEBYSCORE', key('ended'), '-inf', long_ago, 'LIMIT', 0, 100)
if #forgotten > 0 then
  redis.call('HDEL', key('reservations'), unpack(forgotten))
  redis.call('ZREM', key('ended'), unpack(forgotten))
end

-- As wide as any, so that the indexes sort those of one moment by their age.
local id = string.format('%016.0f', redis.call('INCR', key('reserved')))
local reservation = {
  ends = whole(now + claim_ms),
  first = whole(first),
  last = whole(first + count - 1),
  path = path,
  reason = '',
}
move_to(id, reservation, 'open')
return { whole(first), id, now + claim_ms }
