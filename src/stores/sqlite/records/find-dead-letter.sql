-- The dead letter of a key, where it lies behind an id and ?4 and ?5 a range of paths, and ?6 reason fit as
-- far as they are not null.
SELECT id, letter FROM inturn_dead_letter
WHERE consumer = ?1 AND key = ?7 AND id > ?2
  AND (?4 IS NULL OR (path >= ?4 AND path < ?5))
  AND (?6 IS NULL OR reason = ?6)
LIMIT ?3
