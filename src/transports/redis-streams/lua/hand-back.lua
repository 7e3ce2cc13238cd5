-- Makes everything that is pending with a consumer look idle for so long that any other takes it at once, and
-- forgets the consumer if nothing is. Arguments: group, consumer, for how long idle (ms), whether it may be
-- forgotten. Returns how many pending entries are no longer in the stream: nobody will deliver them.
local from, gone, kept = '-', 0, 0
repeat
  local pending = redis.call('XPENDING', KEYS[1], ARGV[1], from, '+', 1000, ARGV[2])
  local ids = {}
  for index, entry in ipairs(pending) do
    ids[index] = entry[1]
    from = '(' .. entry[1]
  end
  if #ids > 0 then
    local command = { 'XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0 }
    for _, id in ipairs(ids) do command[#command + 1] = id end
    for _, word in ipairs({ 'IDLE', ARGV[3], 'JUSTID' }) do command[#command + 1] = word end
    local claimed = #redis.call(unpack(command))
    gone = gone + #ids - claimed
    kept = kept + claimed
  end
until #ids < 1000
if kept == 0 and ARGV[4] == '1' then redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2]) end
return gone
