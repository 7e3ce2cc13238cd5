-- The events of a stream by their id, each id once.
CREATE UNIQUE INDEX inturn_log_event_id ON inturn_log_event (stream, id)
