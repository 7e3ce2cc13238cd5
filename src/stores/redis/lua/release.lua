-- Releases the claims of a unit. Takes: fence, all its paths in this shard. Gives the indexes of those that
-- it still had and for which events were handed over meanwhile. Whoever hands over writes first and then
-- looks for the claim, in one script too, so one of the two sees the other.
local fence = take()
local paths = take_rest()
local own, again = {}, {}
local has_handed = redis.call('EXISTS', key('handed')) == 1
for index, claim in ipairs(call_many('HMGET', key('claims'), paths)) do
  if claim == fence then
    own[#own + 1] = paths[index]
    local has_own = has_handed and redis.call('EXISTS', key('over:' .. paths[index])) == 1
    if has_own then again[#again + 1] = index end
  end
end
call_many('HDEL', key('claims'), own)
redis.call('ZREM', key('units'), fence)
redis.call('HDEL', key('workers'), fence)
return again
