-- Numbers for events that are handed over: they rise over all shards. Takes: consumer, how many. Gives the
-- last.
redis.call('SADD', KEYS[2], take())
return redis.call('HINCRBY', key('counts'), 'arrivals', take())
