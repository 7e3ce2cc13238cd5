-- Each source's own note of how far it was settled.
CREATE TABLE inturn_checkpoint (
  consumer INTEGER NOT NULL,
  source TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (consumer, source)
) WITHOUT ROWID
