-- Burned numbers of a domain, the oldest first.
SELECT id, domain, stream, first, last, reason FROM inturn_reservation
WHERE domain = ?1 AND state = 'burned' ORDER BY until, id LIMIT ?2
