-- How the store is laid out; nothing where nobody has opened it yet.
if redis.call('EXISTS', base) == 0 then return {} end
return redis.call('HMGET', base, 'version', 'shards')
