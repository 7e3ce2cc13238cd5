-- Which ids of a domain are remembered. Takes: domain, ids. Gives 1 or 0 for each.
local name = key('ids:' .. take())
local known = {}
for place = 1, last - taken do
  local ends = redis.call('ZSCORE', name, take())
  known[place] = ends and tonumber(ends) > micros and 1 or 0
end
return known
