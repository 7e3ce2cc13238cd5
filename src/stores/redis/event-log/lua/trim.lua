-- Removes the beginning of the log. Takes: the log's identity, and the last place to remove. Gives: nothing
-- if the log is another one, or how many events were removed. When memory is full it works all the same:
-- its first write frees some.
local log = key('log')
if redis.call('HGET', log, 'identity') ~= take() then return {} end
local through = take()
read_index()

local paths = {}
local function path_of(number)
  paths[number] = paths[number] or redis.call('LINDEX', key('at:' .. number), 0)
  return paths[number]
end

-- As the program makes it for an append.
local function digest_of(path, id)
  local hex = string.sub(redis.sha1hex(path .. '\0' .. id), 1, 16)
  return (string.gsub(hex, '..', function(two) return string.char(tonumber(two, 16)) end))
end

local removed_of, removed, first = {}, 0, nil
repeat
  local entries = redis.call('XRANGE', events, '-', through, 'COUNT', 16)
  for _, entry in ipairs(entries) do
    local number = entry[2][2]
    first = place_in(entry) + 1
    forget_id(digest_of(path_of(number), entry[2][6]), first - 1)
    removed_of[number] = (removed_of[number] or 0) + 1
  end
  removed = removed + #entries
  if #entries > 0 then redis.call('XTRIM', events, 'MINID', '=', whole(first)) end
until #entries < 16

for number, count in pairs(removed_of) do
  local list = key('at:' .. number)
  local so_far = redis.call('LINDEX', list, 1)
  redis.call('LPOP', list, 2 + count)
  redis.call('LPUSH', list, whole(so_far + count), path_of(number))
end
if removed > 0 then redis.call('HSET', log, 'first', whole(first), 'ids', whole(ids)) end
return { removed }
