-- Takes the next number of the journal for a number of entries.
UPDATE inturn_consumer SET journal = journal + 1, journal_entries = journal_entries + ?2 WHERE id = ?1
RETURNING journal, journal_entries
