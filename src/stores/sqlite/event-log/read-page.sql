-- The log behind a place.
SELECT e.place, e.sequence, e.id, e.type, e.time, e.appended_at, e.attributes, e.data, s.domain, s.stream
FROM inturn_log_event AS e CROSS JOIN inturn_log_stream AS s ON s.id = e.stream
WHERE e.place > ?1 ORDER BY e.place LIMIT ?2
