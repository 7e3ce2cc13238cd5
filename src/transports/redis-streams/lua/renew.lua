-- Says that entries are being worked on. Arguments: group, consumer, the entries. Returns those that are
-- pending now, and those that were, but are no longer in the stream: in one step, as what another consumer
-- settles may be trimmed at once, and is no loss.
local command = { 'XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0 }
local lost = {}
for index = 3, #ARGV do
  local id = ARGV[index]
  command[#command + 1] = id
  local isThere = #redis.call('XRANGE', KEYS[1], id, id) > 0
  if not isThere and #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1) > 0 then lost[#lost + 1] = id end
end
command[#command + 1] = 'JUSTID'
return { redis.call(unpack(command)), lost }
