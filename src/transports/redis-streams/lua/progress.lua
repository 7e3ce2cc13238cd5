-- How far a group is: the id that it has read last, the id of the last entry that is there (empty: none), how
-- many entries were ever added, and how many the group has not read (-1: the server cannot tell).
local group = groupOf(ARGV[1])
if group.err then return group end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
local last = valueIn(info, 'last-entry')
return {
  valueIn(group, 'last-delivered-id'),
  last and last[1] or '',
  valueIn(info, 'entries-added'),
  valueIn(group, 'lag') or -1,
}
