-- The numbers will never come. Takes: the reservation, and why. Gives: 1, or 0 where they were used.
local id = take()
local reservation = read_reservation(id)
if not reservation then return 0 end
if reservation.state == 'open' then
  reservation.reason = take()
  move_to(id, reservation, 'burned')
end
return reservation.state ~= 'used' and 1 or 0
