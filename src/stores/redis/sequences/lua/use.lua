-- The numbers are an event's now. Takes: the reservation. Gives: 1, or 0 where they are not.
local id = take()
local reservation = read_reservation(id)
if not reservation then return 0 end
if reservation.state == 'open' and tonumber(reservation.ends) > now then move_to(id, reservation, 'used') end
return reservation.state == 'used' and 1 or 0
