-- A source's note, in a list; an empty one where there is none. Takes: source.
local note = redis.call('HGET', key('checkpoints'), take())
return note and { note } or {}
