-- Sets one of the numbers that the store knows of itself.
INSERT INTO inturn_meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value
