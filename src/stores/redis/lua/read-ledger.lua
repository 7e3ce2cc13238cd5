-- Ledger entries in the order in which they were written. Takes: path or nothing, from which id, limit.
-- Gives: id and text of each. An id with a round bracket before it is not included. One that somebody deleted
-- is passed over, and does not end the page.
local path, from, limit = take(), take(), tonumber(take())
local found = {}
if path == '' then
  local start = string.gsub(from, '^(%(?)(%d+)$', '%1%2-0')
  found = redis.call('XRANGE', key('ledger'), start, '+', 'COUNT', limit)
else
  local index, passed = key('ledger:' .. path), 0
  repeat
    local ids = redis.call('ZRANGEBYSCORE', index, from, '+inf', 'LIMIT', passed, limit - #found)
    passed = passed + #ids
    for _, id in ipairs(ids) do
      found[#found + 1] = redis.call('XRANGE', key('ledger'), id .. '-0', id .. '-0')[1]
    end
  until #ids == 0 or #found == limit
end
local reply = {}
for _, entry in ipairs(found) do
  reply[#reply + 1] = string.match(entry[1], '^%d+')
  reply[#reply + 1] = entry[2][2]
end
return reply
