-- Remembers a processed id.
INSERT INTO inturn_processed_id (consumer, domain, id, place, until) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (consumer, domain, id) DO UPDATE SET place = excluded.place, until = excluded.until
