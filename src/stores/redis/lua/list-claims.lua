-- The claims of this shard that live. Gives: path, fence, since when and by which worker of each.
local claims = redis.call('HGETALL', key('claims'))
local reply = {}
for at = 1, #claims, 2 do
  local path, fence = claims[at], claims[at + 1]
  if ends_of(fence) > now then
    for _, part in ipairs({ path, fence, redis.call('HGET', key('workers'), fence) }) do
      reply[#reply + 1] = part
    end
  end
end
return reply
