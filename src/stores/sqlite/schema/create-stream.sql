-- One row a stream and consumer. `standing`: 0 nothing, 1 waits, 2 its head failed, 3 halted.
-- `journal_seen`: later rows of the journal know a newer state.
CREATE TABLE inturn_stream (
  id INTEGER PRIMARY KEY,
  consumer INTEGER NOT NULL,
  path TEXT NOT NULL,
  state BLOB NOT NULL,
  deliveries INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  standing INTEGER NOT NULL,
  journal_seen INTEGER NOT NULL,
  due_at INTEGER,
  due_reading INTEGER
)
