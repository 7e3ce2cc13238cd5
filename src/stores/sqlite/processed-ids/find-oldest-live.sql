-- The oldest id of a domain that is still within its time.
SELECT place FROM inturn_processed_id
WHERE consumer = ?1 AND domain = ?2 AND until > ?3 ORDER BY place LIMIT 1
