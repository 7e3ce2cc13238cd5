-- Handed-over events of a consumer in the order in which they arrived.
CREATE INDEX inturn_handed_over_order ON inturn_handed_over (consumer, arrival_id)
