-- Creates a group where it is missing, and the stream, and notes how many entries it has behind it, so that
-- it can be told later how many were trimmed before it read them. Arguments: group, id after which it begins.
-- Returns whether it was missing.
local created = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], ARGV[2], 'MKSTREAM')
if created.err then
  if string.find(created.err, 'BUSYGROUP', 1, true) then return 0 end
  return created
end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
local behind = valueIn(info, 'entries-added')
if ARGV[2] ~= '$' then behind = behind - valueIn(info, 'length') end
redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[2], 'ENTRIESREAD', behind)
return 1
