-- Streams of this shard from a path on: whole leaves, of which the reader drops what lies before the path.
-- Takes: path, how many at least. Gives: 1 if these are the last, and the paths.
local path, least = take(), tonumber(take())
local first = redis.call('ZREVRANGEBYLEX', key('leaves'), '[' .. path .. '\0\255', '-', 'LIMIT', 0, 1)[1]
local paths = {}
local leaf, found = first, nil
while leaf do
  local elements = redis.call('LRANGE', key('leaf:' .. string.match(leaf, '%z(%d+)$')), 0, -1)
  for at = 1, #elements, 2 do paths[#paths + 1] = elements[at] end
  found = found and found + #elements / 2 or 0
  leaf = redis.call('ZRANGEBYLEX', key('leaves'), '(' .. leaf, '+', 'LIMIT', 0, 1)[1]
  if found >= least then break end
end
return { leaf and 0 or 1, paths }
