-- Renews the claims of a unit. Takes: fence, milliseconds, paths. Gives the indexes of those that it has
-- lost.
local fence, ms = take(), take()
local paths = take_rest()
local lost = {}
for index, claim in ipairs(call_many('HMGET', key('claims'), paths)) do
  if claim ~= fence then lost[#lost + 1] = index end
end
if #lost < #paths then redis.call('ZADD', key('units'), whole(now + ms), fence) end
return lost
