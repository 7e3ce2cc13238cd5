-- Writes a ledger entry.
INSERT INTO inturn_ledger (consumer, path, entry) VALUES (?1, ?2, ?3)
