-- Dead letters of one stream behind an id, in the order in which they were kept; ?5 reason counts only where
-- it is not null.
SELECT id, letter FROM inturn_dead_letter INDEXED BY inturn_dead_letter_path
WHERE consumer = ?1 AND path = ?4 AND id > ?2 AND (?5 IS NULL OR reason = ?5)
ORDER BY id LIMIT ?3
