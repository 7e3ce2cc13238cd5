-- A stream's first commit.
INSERT INTO inturn_stream
  (consumer, path, state, deliveries, changed_at, fence, standing, due_at, due_reading, journal_seen)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
