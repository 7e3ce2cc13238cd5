-- Dead letters behind an id, in the order in which they were kept; ?4 path, ?5 and ?6 a range of paths, and
-- ?7 reason count only where they are not null.
SELECT id, letter FROM inturn_dead_letter
WHERE consumer = ?1 AND id > ?2
  AND (?4 IS NULL OR path = ?4) AND (?5 IS NULL OR (path >= ?5 AND path < ?6))
  AND (?7 IS NULL OR reason = ?7)
ORDER BY id LIMIT ?3
