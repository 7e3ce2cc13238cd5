-- A range of held events, ascending.
SELECT event, print, held_at FROM inturn_held
WHERE stream = ?1 AND epoch = ?2 AND sequence > ?3 AND sequence <= ?4 ORDER BY sequence
