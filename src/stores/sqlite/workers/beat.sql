-- A worker says that it is there.
INSERT INTO inturn_worker (consumer, name, beat_at) VALUES (?1, ?2, ?3)
ON CONFLICT (consumer, name) DO UPDATE SET beat_at = excluded.beat_at
