-- The last number of a stream that was taken. Takes: its path.
return redis.call('HGET', key('last'), take()) or '0'
