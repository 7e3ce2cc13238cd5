-- A consumer's clocks and paused domains, changing nothing. Gives: now, reading clock, last beat or nothing,
-- domains with whether each is paused.
return {
  now,
  tonumber(redis.call('HGET', key('clock'), 'reading') or 0),
  redis.call('HGET', key('clock'), 'beat') or '',
  redis.call('HGETALL', key('paused')),
}
