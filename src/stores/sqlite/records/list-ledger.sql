-- Ledger entries behind an id, in the order in which they were written; ?4 and ?5 a range of paths count only
-- where they are not null. No index has this order: the rows themselves do.
SELECT id, entry FROM inturn_ledger NOT INDEXED
WHERE consumer = ?1 AND id > ?2 AND (?4 IS NULL OR (path >= ?4 AND path < ?5))
ORDER BY id LIMIT ?3
