-- The bare limit: the positions of a batch's streams in one shard, read, compared and set in one call.
-- Takes: path, first and last number of each stream. Gives: how many streams were in turn.
local paths, lasts, moved = {}, {}, {}
for at = 1, #ARGV, 3 do
  paths[#paths + 1] = ARGV[at]
end
local positions = redis.call('HMGET', KEYS[1], unpack(paths))
for index, position in ipairs(positions) do
  if tonumber(ARGV[index * 3 - 1]) == (tonumber(position) or 0) + 1 then
    moved[#moved + 1] = paths[index]
    moved[#moved + 1] = ARGV[index * 3]
  end
end
if #moved > 0 then redis.call('HSET', KEYS[1], unpack(moved)) end
return #moved / 2
