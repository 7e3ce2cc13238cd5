-- Which dead letters are there. Takes: keys. Gives 1 or 0 for each.
local known = {}
for index, name in ipairs(take_rest()) do known[index] = redis.call('HEXISTS', key('letter'), name) end
return known
