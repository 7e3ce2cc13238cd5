-- Streams of this shard with work that nothing will arrive for and that nobody has claimed.
-- Takes: the time from which all shards count, reading clock, limit, number of domains that are asked for
-- (-1: all) and their names, number of paused domains and their names. Gives: path, and for how long it has
-- been overdue, of each, the longest first.
local reference, reading, limit = tonumber(take()), tonumber(take()), tonumber(take())
local overdue, paths = {}, {}

local function take_names(number)
  local names = {}
  for _ = 1, number do names[take()] = true end
  return names
end

local domains = tonumber(take())
local asked = take_names(domains)
local paused = take_names(take())

local function is_asked(path)
  return domains < 0 or asked[domain_of(path)] ~= nil
end

local function find(path, ms)
  if overdue[path] == nil then paths[#paths + 1] = path end
  overdue[path] = math.max(overdue[path] or 0, ms)
end

-- Walks an index from its beginning until it has found enough.
local page_size = math.max(limit, 100)
local function walk(page, ms_of)
  local found, from = 0, 0
  repeat
    local entries = page(from)
    for at = 1, #entries, 2 do
      local path = entries[at]
      local ms = is_asked(path) and ms_of(path, tonumber(entries[at + 1]))
      if ms and found < limit and not is_claimed(path) then
        find(path, ms)
        found = found + 1
      end
    end
    from = from + page_size
  until found >= limit or #entries == 0
end

local function up_to(name, clock, counts_from)
  local function page(from)
    local last = whole(clock)
    return redis.call('ZRANGEBYSCORE', key(name), '-inf', last, 'WITHSCORES', 'LIMIT', from, page_size)
  end
  walk(page, function(_, score) return math.max(counts_from - score, 0) end)
end

walk(function(from)
  return redis.call('ZRANGE', key('handed'), from, from + page_size - 1, 'WITHSCORES')
end, function(path)
  return not paused[domain_of(path)] and reference
end)
up_to('due', now, reference)
up_to('reading', reading, reading)

-- Claims that expired. A unit that has none left, because others took them over, is forgotten.
local expired = redis.call('ZRANGEBYSCORE', key('units'), '-inf', whole(now), 'WITHSCORES')
if #expired > 0 then
  local since, has = {}, {}
  for at = 1, #expired, 2 do since[expired[at]] = math.max(reference - expired[at + 1], 0) end
  local claims = redis.call('HGETALL', key('claims'))
  for at = 1, #claims, 2 do
    local fence = claims[at + 1]
    if since[fence] then
      has[fence] = true
      if is_asked(claims[at]) then find(claims[at], since[fence]) end
    end
  end
  for fence in pairs(since) do
    if not has[fence] then
      redis.call('ZREM', key('units'), fence)
      redis.call('HDEL', key('workers'), fence)
    end
  end
end

table.sort(paths, function(a, b) return overdue[a] > overdue[b] end)
local reply = {}
for at = 1, math.min(limit, #paths) do
  reply[#reply + 1] = paths[at]
  reply[#reply + 1] = whole(overdue[paths[at]])
end
return reply
