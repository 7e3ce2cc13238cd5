-- Keeps a handed-over event.
INSERT INTO inturn_handed_over (consumer, path, arrival_id, arrival) VALUES (?1, ?2, ?3, ?4)
