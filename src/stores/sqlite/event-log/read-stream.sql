-- A range of a stream, ascending.
SELECT place, sequence, id, type, time, appended_at, attributes, data FROM inturn_log_event
WHERE stream = ?1 AND sequence BETWEEN ?2 AND ?3 ORDER BY sequence LIMIT ?4
