-- Brings a stream's row to what the journal says last of it, unless the row is newer; deliveries add up
-- anyhow.
UPDATE inturn_stream
SET
  deliveries = deliveries + ?2,
  state = iif(?3 > journal_seen, ?4, state),
  changed_at = iif(?3 > journal_seen, ?5, changed_at),
  fence = iif(?3 > journal_seen, ?6, fence)
WHERE id = ?1
