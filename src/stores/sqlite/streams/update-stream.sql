-- A stream's next commit.
UPDATE inturn_stream
SET
  state = ?2, deliveries = deliveries + ?3, changed_at = ?4, fence = ?5, standing = ?6,
  due_at = ?7, due_reading = ?8, journal_seen = ?9
WHERE id = ?1
