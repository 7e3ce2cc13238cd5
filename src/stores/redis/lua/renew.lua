-- Renews the claims of a unit. Takes: fence, milliseconds, paths. Gives 1 if it still has all of them.
local fence, ms = take(), take()
local paths = take_rest()
local kept = 0
for _, claim in ipairs(call_many('HMGET', key('claims'), paths)) do
  if claim == fence then kept = kept + 1 end
end
if kept > 0 then redis.call('ZADD', key('units'), whole(now + ms), fence) end
return kept == #paths and 1 or 0
