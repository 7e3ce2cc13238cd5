-- Ledger entries behind an id, in the order in which they were written; ?4 path, and ?5 and ?6 a range of
-- paths, count only where they are not null.
SELECT id, entry FROM inturn_ledger
WHERE consumer = ?1 AND id > ?2
  AND (?4 IS NULL OR path = ?4) AND (?5 IS NULL OR (path >= ?5 AND path < ?6))
ORDER BY id LIMIT ?3
