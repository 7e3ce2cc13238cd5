-- Remembers processed ids of one domain, and forgets those beyond their window. An id's score is until when
-- it is remembered, in microseconds, so that ids of one moment keep their order.
-- Takes: domain, number of ids, milliseconds, ids.
local name, most, ms = key('ids:' .. take()), tonumber(take()), tonumber(take())
local ends = micros + floor(ms * 1000)
for place = 1, last - taken do redis.call('ZADD', name, whole(ends + place), take()) end
redis.call('ZREMRANGEBYSCORE', name, '-inf', whole(micros))
redis.call('ZREMRANGEBYRANK', name, 0, -most - 1)
return 1
