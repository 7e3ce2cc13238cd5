-- The last number that a sequencer gave in each stream.
CREATE TABLE inturn_sequence (
  domain TEXT NOT NULL,
  stream TEXT NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (domain, stream)
) WITHOUT ROWID
