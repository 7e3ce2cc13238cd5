-- Pauses or resumes a domain.
INSERT INTO inturn_domain (consumer, name, paused) VALUES (?1, ?2, ?3)
ON CONFLICT (consumer, name) DO UPDATE SET paused = excluded.paused
