-- Processed ids of a domain, oldest first.
CREATE INDEX inturn_processed_id_place ON inturn_processed_id (consumer, domain, place)
