-- The numbers of a stream that are still there, and its last one.
SELECT
  head AS last,
  coalesce((SELECT min(sequence) FROM inturn_log_event AS e WHERE e.stream = s.id), head + 1) AS first
FROM inturn_log_stream AS s WHERE domain = ?1 AND stream = ?2
