-- The places of the log that are still there, and its last one.
SELECT last, coalesce((SELECT min(place) FROM inturn_log_event), last + 1) AS first
FROM (SELECT coalesce((SELECT value FROM inturn_meta WHERE key = 'log-place'), 0) AS last)
