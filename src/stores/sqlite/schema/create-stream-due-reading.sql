-- The streams that are due by the consumer's reading clock, the longest overdue first.
CREATE INDEX inturn_stream_due_reading ON inturn_stream (consumer, due_reading) WHERE due_reading IS NOT NULL
