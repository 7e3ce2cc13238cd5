-- Claims, while they last.
CREATE TABLE inturn_claim (
  consumer INTEGER NOT NULL,
  path TEXT NOT NULL,
  worker TEXT NOT NULL,
  fence INTEGER NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (consumer, path)
) WITHOUT ROWID
