-- What is counted of a domain, kept by differences in each commit.
CREATE TABLE inturn_domain (
  consumer INTEGER NOT NULL,
  name TEXT NOT NULL,
  held INTEGER NOT NULL DEFAULT 0,
  handed_over INTEGER NOT NULL DEFAULT 0,
  processed INTEGER NOT NULL DEFAULT 0,
  paused INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (consumer, name)
) WITHOUT ROWID
