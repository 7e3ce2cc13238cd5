-- What a unit of work needs of its consumer as a whole; makes the consumer known. Takes: consumer. Gives:
-- now, the reading clock, and the domains with whether each is paused.
redis.call('SADD', KEYS[2], take())
return {
  now,
  tonumber(redis.call('HGET', key('clock'), 'reading') or 0),
  redis.call('HGETALL', key('paused')),
}
