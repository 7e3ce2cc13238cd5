-- The last number of a stream.
UPDATE inturn_log_stream SET head = ?2 WHERE id = ?1
