-- Burned numbers of a domain, after burning some whose claims have ended. Takes: the domain as in paths,
-- and how many. Gives: reservation, first and last number, path, reason, of each.
local domain, limit = take(), take()
local over = redis.call('ZRANGEBYSCORE', key('open:' .. domain), '-inf', whole(now), 'LIMIT', 0, limit)
for _, id in ipairs(over) do
  local reservation = read_reservation(id)
  reservation.reason = 'the claim of the numbers has ended'
  move_to(id, reservation, 'burned')
end
local list = {}
for at, id in ipairs(redis.call('ZRANGE', key('burned:' .. domain), 0, limit - 1)) do
  local reservation = read_reservation(id)
  list[at] = { id, reservation.first, reservation.last, reservation.path, reservation.reason }
end
return list
