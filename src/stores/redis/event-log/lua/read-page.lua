-- A page of the whole log. Takes: the place behind which it begins, or nothing for the first one there is;
-- how many events at most, and how many bytes of data until it ends. Gives: nothing if there is no log; or
-- identity, version, first and last place, the events, the number and the path of each of their streams,
-- and whether the page ended because of the bytes. There are no events where the page begins below the
-- first place.
local log = redis.call('HMGET', key('log'), 'identity', 'version', 'first', 'last')
if not log[1] then return {} end
local first = tonumber(log[3])
local after, left, bytes_max = tonumber(take()) or first - 1, tonumber(take()), tonumber(take())
if after < first - 1 then return log end

-- Few at a time, as each may be large.
local entries, bytes, is_cut = {}, 0, 0
while left > 0 do
  if bytes > bytes_max then
    is_cut = 1
    break
  end
  local count = math.min(left, 16)
  local more = redis.call('XRANGE', events, whole(after + 1), '+', 'COUNT', count)
  for _, entry in ipairs(more) do
    entries[#entries + 1] = entry
    bytes = bytes + #entry[2][10]
  end
  if #more < count then break end
  after, left = place_in(more[#more]), left - count
end

local names, is_named = {}, {}
for _, entry in ipairs(entries) do
  local number = entry[2][2]
  if not is_named[number] then
    is_named[number] = true
    names[#names + 1] = number
    names[#names + 1] = redis.call('LINDEX', key('at:' .. number), 0)
  end
end
return { log[1], log[2], log[3], log[4], entries, names, is_cut }
