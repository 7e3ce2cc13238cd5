-- How many held events some streams have from a place on. Takes: path and lower bound of each.
local counts = {}
for place = 1, (last - taken) / 2 do
  counts[place] = redis.call('ZLEXCOUNT', key('held:' .. take()), take(), '+')
end
return counts
