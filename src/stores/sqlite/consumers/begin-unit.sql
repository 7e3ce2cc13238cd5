-- Begins a unit of work, or a commit of one: gives it its fence, and the reading clock.
UPDATE inturn_consumer SET units = units + 1 WHERE id = ?1 RETURNING units, reading_ms, journal_entries
