-- Claims the streams that are free, and reads them and what is counted of the shard. One entry in `units`
-- is the life of all claims of this call, so that renewing them is one write.
-- Takes: worker, milliseconds, 1 to be told the counts, and path and last known place of each stream. Gives:
-- now, fence, counts, for each stream its record or 0 (claimed by another), those that lie elsewhere than
-- they were known to as index and place, whose claim had expired, by index, and index and text of what
-- commands did that failed in part.
local worker, ms, wants_counts = take(), take(), take() == '1'
local paths, known = {}, {}
for index = 1, (last - taken) / 2 do
  paths[index], known[index] = take(), take()
end
local records, places, expired, claims, partials = {}, {}, {}, {}, {}
local told = redis.call('EXISTS', key('partial')) == 1 and call_many('HMGET', key('partial'), paths) or {}
local fences = call_many('HMGET', key('claims'), paths)
local fence = 0
for index, path in ipairs(paths) do
  if fences[index] and ends_of(fences[index]) > now then
    records[index] = 0
  else
    if fences[index] then expired[#expired + 1] = index end
    if fence == 0 then fence = redis.call('HINCRBY', key('counts'), 'fence', 1) end
    local record, _, _, place = find_record(path, known[index])
    records[index] = record or ''
    if place then
      places[#places + 1] = index
      places[#places + 1] = place
    end
    claims[#claims + 1] = path
    claims[#claims + 1] = fence
    if told[index] then
      partials[#partials + 1] = index
      partials[#partials + 1] = told[index]
    end
  end
end
if fence > 0 then
  call_many('HSET', key('claims'), claims)
  redis.call('ZADD', key('units'), whole(now + ms), fence)
  redis.call('HSET', key('workers'), fence, whole(now) .. ' ' .. worker)
end
local counts = wants_counts and redis.call('HGETALL', key('counts')) or {}
return { now, fence, counts, records, places, expired, partials }
