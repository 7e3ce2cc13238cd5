-- Ledger entries of one stream behind an id, in the order in which they were written.
SELECT id, entry FROM inturn_ledger INDEXED BY inturn_ledger_path
WHERE consumer = ?1 AND path = ?4 AND id > ?2
ORDER BY id LIMIT ?3
