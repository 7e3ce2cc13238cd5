-- The ledger, in the order in which it was written.
CREATE TABLE inturn_ledger (
  id INTEGER PRIMARY KEY,
  consumer INTEGER NOT NULL,
  path TEXT,
  entry TEXT NOT NULL
)
