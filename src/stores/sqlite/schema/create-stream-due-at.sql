-- The streams that are due by the clock, the longest overdue first.
CREATE INDEX inturn_stream_due_at ON inturn_stream (consumer, due_at) WHERE due_at IS NOT NULL
