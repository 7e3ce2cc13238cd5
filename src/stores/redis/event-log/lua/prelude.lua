-- What the scripts of an event log share, behind what all scripts in one slot share. Sequences are replied as
-- text, as clients round the largest numbers.

-- `:log` has identity, version, first and last place, and the size of the index of ids. `:events` is a
-- Redis stream whose ids are place-milliseconds, with the fields s (number of the stream), n (sequence), i
-- (id), t (type), d (data), and perhaps w (when) and a (attributes), in this order. `:streams` has the
-- number of each path. `:at:<number>` is a list: path, how many of its events were removed, and the places
-- of the others.
local events = base .. ':events'

local function clock()
  local time = redis.call('TIME')
  return math.floor((time[1] * 1000000 + time[2]) / 1000 + ARGV[1])
end

local function place_in(entry)
  return tonumber(string.match(entry[1], '^%d+'))
end

-- The events at some places, one after the other, up to so many bytes of data.
local function entries_at(places, bytes_max)
  local entries, bytes = {}, 0
  for _, place in ipairs(places) do
    if bytes > bytes_max then break end
    local entry = redis.call('XRANGE', events, place, place)[1]
    if not entry then break end
    entries[#entries + 1] = entry
    bytes = bytes + #entry[2][10]
  end
  return entries
end
