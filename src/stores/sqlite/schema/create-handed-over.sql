-- Handed-over events, numbered in the order in which they arrived.
CREATE TABLE inturn_handed_over (
  consumer INTEGER NOT NULL,
  path TEXT NOT NULL,
  arrival_id INTEGER NOT NULL,
  arrival TEXT NOT NULL,
  PRIMARY KEY (consumer, path, arrival_id)
) WITHOUT ROWID
