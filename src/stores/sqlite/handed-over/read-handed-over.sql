-- The oldest handed-over events of a stream behind an arrival.
SELECT path, arrival_id, arrival FROM inturn_handed_over WHERE consumer = ?1 AND path = ?2 AND arrival_id > ?4
ORDER BY arrival_id LIMIT ?3
