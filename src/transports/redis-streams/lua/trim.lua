-- Removes entries that every group has settled, and no other: what is pending with any group, or was not read
-- by it yet, stays, and so does everything behind it. Arguments: keep at least so many entries, remove at
-- most so many. Returns how many were removed.
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if groups.err and not string.find(groups.err, 'no such key', 1, true) then return groups end
local excess = redis.call('XLEN', KEYS[1]) - tonumber(ARGV[1])
if groups.err or #groups == 0 or excess <= 0 then return 0 end

local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', math.min(excess, tonumber(ARGV[2])) + 1)
local lowest = oldest[#oldest][1]
for _, group in ipairs(groups) do
  local needed = valueIn(group, 'last-delivered-id')
  local pending = redis.call('XPENDING', KEYS[1], valueIn(group, 'name'))
  if pending[1] > 0 and isLower(pending[2], needed) then needed = pending[2] end
  if isLower(needed, lowest) then lowest = needed end
end
return redis.call('XTRIM', KEYS[1], 'MINID', lowest)
