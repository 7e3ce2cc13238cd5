-- Gives, renews or takes back a lease. Takes: holder, milliseconds, used until or nothing. Gives: fence, now,
-- until; or nothing. Some policies evict keys that expire: so only those of an hour and more do, which are
-- there to be left behind.
local holder, ms, used_until = take(), tonumber(take()), take()
local is_lasting = used_until ~= ''
local lease = redis.call('HMGET', base, 'holder', 'fence', 'until', 'lasting')
local ends = tonumber(lease[3] or 0)
local is_own, is_held = lease[1] == holder, ends > now
if is_held and not is_own then return {} end
is_lasting = is_lasting or lease[4] == '1'
if ms <= 0 then
  if not is_lasting then
    redis.call('DEL', base)
  elseif is_own then
    if used_until ~= '' then redis.call('HSET', base, 'until', used_until) end
    redis.call('HSET', base, 'lasting', '1')
  end
  return {}
end
local fence = is_held and tonumber(lease[2]) or redis.call('INCR', KEYS[2])
local until_ms = now + ms
if is_held then until_ms = math.max(ends, until_ms) end
redis.call('HSET', base, 'holder', holder, 'fence', fence, 'until', whole(until_ms), 'lasting',
  is_lasting and '1' or '0')
if is_lasting then redis.call('PERSIST', base)
elseif ms >= 3600000 then redis.call('PEXPIREAT', base, whole(until_ms)) end
return { fence, whole(now), whole(until_ms) }
