-- Forgets the ids of a domain before a place.
DELETE FROM inturn_processed_id WHERE consumer = ?1 AND domain = ?2 AND place < ?3
