-- Takes places for processed ids of a domain.
INSERT INTO inturn_domain (consumer, name, processed) VALUES (?1, ?2, ?3)
ON CONFLICT (consumer, name) DO UPDATE SET processed = processed + excluded.processed
RETURNING processed
