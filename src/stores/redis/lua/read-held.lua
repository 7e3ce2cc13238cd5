-- Held events. Takes: path, lower and upper bound, limit (-1: none) of each range. Gives a list for each.
local found = {}
for place = 1, (last - taken) / 4 do
  found[place] = redis.call('ZRANGEBYLEX', key('held:' .. take()), take(), take(), 'LIMIT', 0, take())
end
return found
