-- Adds to what is counted of a domain.
INSERT INTO inturn_domain (consumer, name, held, handed_over) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (consumer, name) DO UPDATE
SET held = held + excluded.held, handed_over = handed_over + excluded.handed_over
