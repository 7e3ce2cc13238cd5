-- Streams with work that nothing will arrive for and that nobody has claimed, the longest overdue first:
-- ?1 consumer, ?2 now, ?3 reading clock, ?4 limit, ?5 the domains that are asked for or null, ?6 those that
-- are paused, both as paths begin.
SELECT path, max(overdue) AS overdue
FROM (
  SELECT * FROM (
    SELECT path, ?2 - due_at AS overdue FROM inturn_stream AS s
    WHERE consumer = ?1 AND due_at <= ?2
      AND (?5 IS NULL OR substr(path, 1, instr(path, '/') - 1) IN (SELECT value FROM json_each(?5)))
      AND NOT EXISTS (
        SELECT 1 FROM inturn_claim AS c WHERE c.consumer = ?1 AND c.path = s.path AND c.until > ?2)
    ORDER BY due_at LIMIT ?4)
  UNION ALL
  SELECT * FROM (
    SELECT path, ?3 - due_reading FROM inturn_stream AS s
    WHERE consumer = ?1 AND due_reading <= ?3
      AND (?5 IS NULL OR substr(path, 1, instr(path, '/') - 1) IN (SELECT value FROM json_each(?5)))
      AND NOT EXISTS (
        SELECT 1 FROM inturn_claim AS c WHERE c.consumer = ?1 AND c.path = s.path AND c.until > ?2)
    ORDER BY due_reading LIMIT ?4)
  UNION ALL
  SELECT * FROM (
    SELECT DISTINCT path, ?2 FROM inturn_handed_over AS h
    WHERE consumer = ?1
      AND (?5 IS NULL OR substr(path, 1, instr(path, '/') - 1) IN (SELECT value FROM json_each(?5)))
      AND substr(path, 1, instr(path, '/') - 1) NOT IN (SELECT value FROM json_each(?6))
      AND NOT EXISTS (
        SELECT 1 FROM inturn_claim AS c WHERE c.consumer = ?1 AND c.path = h.path AND c.until > ?2)
    LIMIT ?4)
  UNION ALL
  SELECT path, ?2 - until FROM inturn_claim WHERE consumer = ?1 AND until <= ?2
    AND (?5 IS NULL OR substr(path, 1, instr(path, '/') - 1) IN (SELECT value FROM json_each(?5)))
)
GROUP BY path ORDER BY max(overdue) DESC, path LIMIT ?4
