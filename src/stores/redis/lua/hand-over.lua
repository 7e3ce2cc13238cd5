-- Keeps handed-over events, then looks which of their streams are free. Takes: path, arrival id and text of
-- each. Gives: the counts, and for each whether its stream is free.
local free = {}
for place = 1, (last - taken) / 3 do
  local path, id, text = take(), take(), take()
  redis.call('ZADD', key('over:' .. path), 0, id .. '\0' .. text)
  redis.call('ZADD', key('arrivals'), 0, id .. '\0' .. path)
  redis.call('ZADD', key('handed'), 0, path)
  count('over/' .. domain_of(path), 1)
  free[place] = is_claimed(path) and 0 or 1
end
write_counts()
return { redis.call('HGETALL', key('counts')), free }
