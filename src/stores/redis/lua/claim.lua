-- Claims the streams that are free, and reads them and what is counted of the shard. One entry in `units`
-- is the life of all claims of this call, so that renewing them is one write.
-- Takes: worker, milliseconds, 1 to be told the counts, and path and last known place of each stream. Gives:
-- now, fence, counts, for each stream its record or 0 (claimed by another), its place, and whose claim had
-- expired, by index.
local worker, ms, wants_counts = take(), take(), take() == '1'
local paths, known = {}, {}
for index = 1, (#ARGV - taken) / 2 do
  paths[index], known[index] = take(), take()
end
local records, places, expired, claims = {}, {}, {}, {}
local fences = has_claims and call_many('HMGET', key('claims'), paths) or {}
local fence = 0
for index, path in ipairs(paths) do
  if fences[index] and ends_of(fences[index]) > now then
    records[index], places[index] = 0, ''
  else
    if fences[index] then expired[#expired + 1] = index end
    if fence == 0 then fence = redis.call('HINCRBY', key('counts'), 'fence', 1) end
    local record, leaf, at = find_record(path, known[index])
    records[index], places[index] = record or '', at and leaf .. ':' .. at or ''
    claims[#claims + 1] = path
    claims[#claims + 1] = fence
  end
end
if fence > 0 then
  call_many('HSET', key('claims'), claims)
  redis.call('ZADD', key('units'), whole(now + ms), fence)
  redis.call('HSET', key('workers'), fence, whole(now) .. ' ' .. worker)
end
return { now, fence, wants_counts and redis.call('HGETALL', key('counts')) or {}, records, places, expired }
