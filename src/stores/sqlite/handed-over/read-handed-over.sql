-- The oldest handed-over events of a stream.
SELECT path, arrival_id, arrival FROM inturn_handed_over WHERE consumer = ?1 AND path = ?2
ORDER BY arrival_id LIMIT ?3
