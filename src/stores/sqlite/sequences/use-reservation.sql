-- The numbers are an event's, unless their claim has ended.
UPDATE inturn_reservation SET state = 'used'
WHERE id = ?1 AND (state = 'used' OR (state = 'open' AND until > ?2))
