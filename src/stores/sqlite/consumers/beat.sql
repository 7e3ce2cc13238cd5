-- A worker was reading: time since the last beat counts if it is at most ?3 milliseconds.
UPDATE inturn_consumer
SET
  reading_ms = reading_ms + CASE WHEN ?2 - beat_at BETWEEN 0 AND ?3 THEN ?2 - beat_at ELSE 0 END,
  beat_at = ?2
WHERE id = ?1
RETURNING reading_ms
