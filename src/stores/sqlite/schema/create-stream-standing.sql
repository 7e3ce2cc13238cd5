-- The streams that wait for something.
CREATE INDEX inturn_stream_standing ON inturn_stream (consumer, path) WHERE standing > 0
