-- The events of a stream that bear one of some ids.
SELECT e.place, e.sequence, e.id, e.type, e.time, e.appended_at, e.attributes, e.data
FROM json_each(?2) AS asked CROSS JOIN inturn_log_event AS e
ON e.stream = ?1 AND e.id = asked.value
