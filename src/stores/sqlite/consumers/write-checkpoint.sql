-- Keeps a source's note.
INSERT INTO inturn_checkpoint (consumer, source, value) VALUES (?1, ?2, ?3)
ON CONFLICT (consumer, source) DO UPDATE SET value = excluded.value
