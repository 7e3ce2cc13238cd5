-- Appends batches one after the other, each as a whole or not at all. What an append comes to is decided by
-- the rules in the program; this looks only whether a batch can be written: none of its ids is there, and
-- every stream is where it is expected.

-- Takes: the log's identity, the version, and for each batch how many entries it has; for each entry its
-- stream's path, the expected number or nothing, and how many events it has; for each event digest, id,
-- type, time or nothing, attributes or nothing, data. Gives: nothing if the log is another one; its version
-- if that is another one; or the last place before and after, the time, and for each batch: whether it is
-- written, the place before its first event, the last number of each entry's stream before, and what was
-- found of its events (entry, event, entry, event, ...).
local log = key('log')
local event_args = 6
local known = redis.call('HMGET', log, 'identity', 'version', 'last')
if known[1] ~= take() then return {} end
if known[2] ~= take() then return { known[2] } end
local before = tonumber(known[3])
local last = before
local now = clock()
read_index()

local streams = {}
local function stream_of(path)
  local stream = streams[path]
  if stream then return stream end
  stream = { number = redis.call('HGET', key('streams'), path), head = 0 }
  if stream.number then
    local list = key('at:' .. stream.number)
    stream.head = redis.call('LINDEX', list, 1) + redis.call('LLEN', list) - 2
  end
  streams[path] = stream
  return stream
end

local function take_batch()
  local batch = {}
  for at = 1, take() do
    local entry = { path = take(), expected = take(), count = tonumber(take()), from = taken + 1 }
    taken = taken + entry.count * event_args
    batch[at] = entry
  end
  return batch
end

local function found_of(batch)
  local found = {}
  for at, entry in ipairs(batch) do
    local number = stream_of(entry.path).number
    -- A stream that is new has no ids.
    local count = number and entry.count or 0
    for arg = entry.from, entry.from + (count - 1) * event_args, event_args do
      local event = find_id(ARGV[arg], number, ARGV[arg + 1])
      if event then
        found[#found + 1] = at
        found[#found + 1] = event
      end
    end
  end
  return found
end

local function are_expected(batch)
  local heads = {}
  for _, entry in ipairs(batch) do
    local head = heads[entry.path] or stream_of(entry.path).head
    if entry.expected ~= '' and tonumber(entry.expected) ~= head then return false end
    heads[entry.path] = head + entry.count
    if heads[entry.path] > 9007199254740991 then return false end
  end
  return true
end

local function make_stream(path)
  local number = whole(redis.call('HLEN', key('streams')) + 1)
  redis.call('HSET', key('streams'), path, number)
  redis.call('RPUSH', key('at:' .. number), path, 0)
  return number
end

local function write_event(stream, arg)
  local time, attributes, data = ARGV[arg + 3], ARGV[arg + 4], ARGV[arg + 5]
  local id, type = ARGV[arg + 1], ARGV[arg + 2]
  local fields = { 's', stream.number, 'n', whole(stream.head), 'i', id, 't', type, 'd', data }
  if time ~= '' then
    fields[11], fields[12] = 'w', time
  end
  if attributes ~= '' then
    fields[#fields + 1], fields[#fields + 2] = 'a', attributes
  end
  redis.call('XADD', events, format('%.0f-%.0f', last, now), unpack(fields))
  keep_id(ARGV[arg], last)
end

local function write_entry(entry)
  if entry.count == 0 then return end
  local stream = stream_of(entry.path)
  stream.number = stream.number or make_stream(entry.path)
  local places = {}
  for arg = entry.from, entry.from + (entry.count - 1) * event_args, event_args do
    last = last + 1
    stream.head = stream.head + 1
    write_event(stream, arg)
    places[#places + 1] = whole(last)
  end
  for from = 1, #places, 1000 do
    redis.call('RPUSH', key('at:' .. stream.number), unpack(places, from, math.min(from + 999, #places)))
  end
end

local reply = { before, 0, now }
while taken < #ARGV do
  local batch = take_batch()
  local heads = {}
  for at, entry in ipairs(batch) do heads[at] = whole(stream_of(entry.path).head) end
  local place, found = last, found_of(batch)
  local can_be = #found == 0 and are_expected(batch)
  if can_be then
    for _, entry in ipairs(batch) do write_entry(entry) end
  end
  reply[#reply + 1] = { can_be and 1 or 0, place, heads, found }
end

if last > before then
  redis.call('HSET', log, 'last', whole(last), 'ids', whole(ids), 'buckets', whole(buckets))
end
reply[2] = last
return reply
