-- Dead letters in the order in which they were kept. Takes: path or nothing, from which id, limit. Gives: id
-- and text of each. One that somebody deleted is passed over, and does not end the page.
local path, from, limit = take(), take(), tonumber(take())
local index = key(path == '' and 'letters' or 'letters:' .. path)
local reply, passed = {}, 0
repeat
  local names = redis.call('ZRANGEBYSCORE', index, from, '+inf', 'LIMIT', passed, limit - #reply / 2)
  passed = passed + #names
  for _, name in ipairs(names) do
    local kept = redis.call('HGET', key('letter'), name)
    local id, text = string.match(kept or '', '^(%d+)%z[^%z]*%z[^%z]*%z(.*)$')
    if id then
      reply[#reply + 1] = id
      reply[#reply + 1] = text
    end
  end
until #names == 0 or #reply / 2 == limit
return reply
