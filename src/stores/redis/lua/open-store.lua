-- Writes down how the store is laid out, if nobody has. Takes: version, shards. Gives what is written.
redis.call('HSETNX', base, 'version', take())
redis.call('HSETNX', base, 'shards', take())
return redis.call('HMGET', base, 'version', 'shards')
