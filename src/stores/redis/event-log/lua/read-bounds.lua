-- What is there. Takes: a stream's path, or nothing for the places of the log. Gives: nothing if there is
-- no log, or identity and version, the first one that is there, and the last one that was given.
local log = redis.call('HMGET', key('log'), 'identity', 'version', 'first', 'last')
if not log[1] then return {} end
local path = take()
if path == '' then return log end
local number = redis.call('HGET', key('streams'), path)
if not number then return { log[1], log[2], 1, 0 } end
local list = key('at:' .. number)
local removed = tonumber(redis.call('LINDEX', list, 1))
return { log[1], log[2], whole(removed + 1), whole(removed + redis.call('LLEN', list) - 2) }
