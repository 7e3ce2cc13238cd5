-- The events of a stream by their number, each number once.
CREATE UNIQUE INDEX inturn_log_event_sequence ON inturn_log_event (stream, sequence)
