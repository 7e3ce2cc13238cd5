-- The dead letters `overflow` of a stream, in its order. Takes: path, limit. Gives: place and text of each.
local path, limit = take(), take()
local found = redis.call('ZRANGEBYLEX', key('overflow:' .. path), '-', '+', 'LIMIT', 0, limit)
local reply = {}
for _, member in ipairs(found) do
  local place, name = string.match(member, '^([^%z]*)%z(.*)$')
  local kept = redis.call('HGET', key('letter'), name)
  if kept then
    reply[#reply + 1] = place
    reply[#reply + 1] = string.match(kept, '^%d+%z[^%z]*%z[^%z]*%z(.*)$')
  end
end
return reply
