-- Dead letters in the order in which they were kept. Takes: path or nothing, from which id, limit. Gives: id
-- and text of each.
local path, from, limit = take(), take(), take()
local index = key(path == '' and 'letters' or 'letters:' .. path)
local reply = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', index, from, '+inf', 'LIMIT', 0, limit)) do
  local kept = redis.call('HGET', key('letter'), name)
  local id, text = string.match(kept, '^(%d+)%z[^%z]*%z[^%z]*%z(.*)$')
  if id then
    reply[#reply + 1] = id
    reply[#reply + 1] = text
  end
end
return reply
