-- The journal of a consumer is empty.
UPDATE inturn_consumer SET journal_entries = 0 WHERE id = ?1
