-- Workers that have not left, and when each said last that it was reading: who falls silent has died.
CREATE TABLE inturn_worker (
  consumer INTEGER NOT NULL,
  name TEXT NOT NULL,
  beat_at INTEGER NOT NULL,
  PRIMARY KEY (consumer, name)
) WITHOUT ROWID
