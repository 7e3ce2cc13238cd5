-- Streams by their path.
CREATE UNIQUE INDEX inturn_stream_path ON inturn_stream (consumer, path)
