-- A worker has been reading its source. Time since the consumer's last beat counts if it is at most 5
-- seconds. Makes consumer and layout known, as work does. Takes: consumer, version, shards, the name of the
-- process and when it was here last, worker, milliseconds of silence or nothing. Gives: now, the reading
-- clock, the workers that have been silent for longer, over how many shards the store is spread, whether that
-- was forgotten, and when the process was here last.
redis.call('SADD', KEYS[2], take())
local shards, forgotten = lay_out(KEYS[3])
local last = note_process(take(), tonumber(take()))
local worker, silent_ms = take(), tonumber(take())
local clock = key('clock')
local since = now - tonumber(redis.call('HGET', clock, 'beat') or now)
local reading = tonumber(redis.call('HGET', clock, 'reading') or 0)
if since > 0 and since <= 5000 then reading = reading + since end
redis.call('HSET', clock, 'reading', whole(reading), 'beat', whole(now))
redis.call('ZADD', key('readers'), whole(now), worker)
local died = {}
if silent_ms then
  local silent = redis.call('ZRANGEBYSCORE', key('readers'), '-inf', '(' .. whole(now - silent_ms))
  for _, name in ipairs(silent) do
    if name ~= worker then
      redis.call('ZREM', key('readers'), name)
      died[#died + 1] = name
    end
  end
end
return { now, reading, died, shards, forgotten, last }
