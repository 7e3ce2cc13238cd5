-- A stream's first event.
INSERT INTO inturn_log_stream (domain, stream, head) VALUES (?1, ?2, 0) RETURNING id
