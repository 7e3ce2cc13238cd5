-- What the store knows of itself: the version of its schema, and the last fence of a lease.
CREATE TABLE inturn_meta (
  key TEXT NOT NULL PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID
