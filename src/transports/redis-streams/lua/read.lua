-- Reads what the group has not seen yet, and says what of the stream nobody of it will ever see: in one step,
-- so that nothing can be trimmed in between. Arguments: group, consumer, how many. Returns what the group had
-- read before, how many entries were trimmed before it read them, the highest id that was ever deleted, the
-- highest id that was ever given, and the entries.
local group = groupOf(ARGV[1])
if group.err then return group end
local before, read = valueIn(group, 'last-delivered-id'), valueIn(group, 'entries-read')

local info = redis.call('XINFO', 'STREAM', KEYS[1])
local added, length = valueIn(info, 'entries-added'), valueIn(info, 'length')
local given, first = valueIn(info, 'last-generated-id'), valueIn(info, 'first-entry')
-- Streams are trimmed from their beginning. So if anything that was read is still there, nothing unread went;
-- and if not, all that is there is unread.
local isAllUnread = isLower(before, first and first[1] or given)
local lost = isAllUnread and read and math.max(0, added - length - read) or 0

local from = { 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[3], 'STREAMS', KEYS[1], '>' }
local reply = redis.call('XREADGROUP', unpack(from))
local entries = reply and reply[1][2] or {}
if lost > 0 then
  -- Noted as passed over, so that they are not told again; older servers do not note that themselves.
  local last = #entries > 0 and entries[#entries][1] or given
  redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], last, 'ENTRIESREAD', added - length + #entries)
end
return { before, lost, valueIn(info, 'max-deleted-entry-id'), given, entries }
