-- A consumer by its name.
SELECT id, reading_ms, beat_at, journal_entries FROM inturn_consumer WHERE name = ?1
