-- Dead letters behind an id, in the order in which they were kept; ?4 and ?5 a range of paths, and ?6 reason,
-- count only where they are not null. No index has this order: the rows themselves do.
SELECT id, letter FROM inturn_dead_letter NOT INDEXED
WHERE consumer = ?1 AND id > ?2
  AND (?4 IS NULL OR (path >= ?4 AND path < ?5))
  AND (?6 IS NULL OR reason = ?6)
ORDER BY id LIMIT ?3
