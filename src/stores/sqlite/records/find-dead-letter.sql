-- The dead letter of a key, where it lies behind an id and ?4 path, ?5 and ?6 a range of paths, and ?7 reason
-- fit as far as they are not null.
SELECT id, letter FROM inturn_dead_letter
WHERE consumer = ?1 AND key = ?8 AND id > ?2
  AND (?4 IS NULL OR path = ?4) AND (?5 IS NULL OR (path >= ?5 AND path < ?6))
  AND (?7 IS NULL OR reason = ?7)
LIMIT ?3
