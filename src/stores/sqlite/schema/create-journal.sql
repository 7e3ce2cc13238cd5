-- Positions that moved and nothing else, a row a commit: appending one row is cheaper than visiting every
-- stream's page. Folded into the streams' rows from time to time. `number` rises within a consumer.
CREATE TABLE inturn_journal (
  consumer INTEGER NOT NULL,
  number INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  deliveries INTEGER NOT NULL,
  entries BLOB NOT NULL,
  PRIMARY KEY (consumer, number)
) WITHOUT ROWID
