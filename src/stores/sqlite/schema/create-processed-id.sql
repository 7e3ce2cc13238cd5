-- Ids of events of domains without tracking, while their window lasts; `place` rises within a domain.
CREATE TABLE inturn_processed_id (
  consumer INTEGER NOT NULL,
  domain TEXT NOT NULL,
  id TEXT NOT NULL,
  place INTEGER NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (consumer, domain, id)
) WITHOUT ROWID
