-- The names of all consumers.
return redis.call('SMEMBERS', base)
