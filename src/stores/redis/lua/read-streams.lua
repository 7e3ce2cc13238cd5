-- Streams as they are kept. Takes: paths. Gives for each: record, due time, due reading time, fence of its
-- claim, since when which worker has it if it is alive, and what commands did that failed in part; what is
-- not there is empty.
local reply = {}
for _ = 1, last - taken do
  local path = take()
  local fence, ends = claim_of(path)
  local parts = {
    find_record(path, '') or '',
    redis.call('ZSCORE', key('due'), path) or '',
    redis.call('ZSCORE', key('reading'), path) or '',
    fence or '',
    fence and ends > now and redis.call('HGET', key('workers'), fence) or '',
    redis.call('HGET', key('partial'), path) or '',
  }
  for _, part in ipairs(parts) do reply[#reply + 1] = part end
end
return reply
