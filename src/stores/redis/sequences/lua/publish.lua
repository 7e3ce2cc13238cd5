-- It was published that some numbers will never come. Takes: the reservations.
while taken < #ARGV do
  local id = take()
  local reservation = read_reservation(id)
  if reservation and reservation.state == 'burned' then move_to(id, reservation, 'published') end
end
return 1
