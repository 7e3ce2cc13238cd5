-- Keeps a dead letter; one that is there stays as it is.
INSERT INTO inturn_dead_letter (consumer, key, reason, path, epoch, sequence, letter)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (consumer, key) DO NOTHING
