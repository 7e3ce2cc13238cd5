-- One dead letter. Takes: its key. Gives: id and text, or nothing.
local kept = redis.call('HGET', key('letter'), take())
if not kept then return {} end
return { string.match(kept, '^(%d+)%z[^%z]*%z[^%z]*%z(.*)$') }
