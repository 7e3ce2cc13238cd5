-- Forgets consumers that have nothing pending, were not heard of for so long, and have a name that begins so.
-- Looking and forgetting are one step: whoever has something pending is never forgotten, as that would take
-- its entries along. Arguments: group, beginning of the names, idle at least (ms). Returns how many.
local forgotten = 0
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local name = valueIn(consumer, 'name')
  local isOurs = string.sub(name, 1, #ARGV[2]) == ARGV[2]
  if isOurs and valueIn(consumer, 'pending') == 0 and valueIn(consumer, 'idle') >= tonumber(ARGV[3]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], name)
    forgotten = forgotten + 1
  end
end
return forgotten
