-- What a unit of work needs of its consumer as a whole; makes the consumer known, and the layout too, if the
-- server has forgotten it. Takes: consumer, version, shards, and the name of the process. Gives: now, the
-- reading clock, the domains with whether each is paused, over how many shards the store is spread, and when
-- the process was here last.
redis.call('SADD', KEYS[2], take())
local shards = lay_out(KEYS[3])
local last = note_process(take(), 0)
-- Only processes that are gone were not here for a week.
local week_ms = 604800000
redis.call('ZREMRANGEBYSCORE', key('begun'), '-inf', whole(now - week_ms))
return {
  now,
  tonumber(redis.call('HGET', key('clock'), 'reading') or 0),
  redis.call('HGETALL', key('paused')),
  shards,
  last,
}
