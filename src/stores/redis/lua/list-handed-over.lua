-- Handed-over events of this shard in the order of arrival. Takes: from where, limit, path or nothing. Gives:
-- arrival id, path and text of each.
local from, limit, path = take(), take(), take()
local reply = {}
local function add(id, of, text)
  for _, part in ipairs({ id, of, text }) do reply[#reply + 1] = part end
end
if path ~= '' then
  for _, member in ipairs(redis.call('ZRANGEBYLEX', key('over:' .. path), from, '+', 'LIMIT', 0, limit)) do
    local id, text = string.match(member, '^([^%z]*)%z(.*)$')
    add(id, path, text)
  end
  return reply
end
for _, member in ipairs(redis.call('ZRANGEBYLEX', key('arrivals'), from, '+', 'LIMIT', 0, limit)) do
  local id, of = string.match(member, '^([^%z]*)%z(.*)$')
  local kept = redis.call('ZRANGEBYLEX', key('over:' .. of), '[' .. id .. '\0', '(' .. id .. '\1')[1]
  if kept then add(id, of, string.match(kept, '^[^%z]*%z(.*)$')) end
end
return reply
