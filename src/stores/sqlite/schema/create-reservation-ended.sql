-- Reservations that have ended and are only remembered for a while.
CREATE INDEX inturn_reservation_ended ON inturn_reservation (until) WHERE state IN ('used', 'published')
