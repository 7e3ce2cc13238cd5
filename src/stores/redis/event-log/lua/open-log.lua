-- Makes the log, if it is not there. Takes: version, and an identity for a new log. Gives: version,
-- identity and last place as they are.
local log = key('log')
local version, identity = take(), take()
if redis.call('EXISTS', log) == 0 then
  redis.call('HSET', log, 'version', version, 'identity', identity, 'first', 1, 'last', 0)
end
return redis.call('HMGET', log, 'version', 'identity', 'last')
