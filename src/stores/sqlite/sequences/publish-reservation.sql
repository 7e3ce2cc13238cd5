-- It was published that the numbers will never come.
UPDATE inturn_reservation SET state = 'published' WHERE id = ?1 AND state = 'burned'
