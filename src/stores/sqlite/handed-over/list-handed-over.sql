-- Handed-over events of the streams between two paths, behind an arrival, in order of arrival.
SELECT path, arrival_id, arrival FROM inturn_handed_over INDEXED BY inturn_handed_over_order
WHERE consumer = ?1 AND path >= ?2 AND path < ?3 AND arrival_id > ?4
ORDER BY arrival_id LIMIT ?5
