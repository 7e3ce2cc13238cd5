-- Reserves numbers.
INSERT INTO inturn_reservation (domain, stream, first, last, until, state) VALUES (?1, ?2, ?3, ?4, ?5, 'open')
RETURNING id
