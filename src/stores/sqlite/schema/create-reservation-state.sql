-- Reservations of a domain by their state, the oldest first.
CREATE INDEX inturn_reservation_state ON inturn_reservation (domain, state, until)
