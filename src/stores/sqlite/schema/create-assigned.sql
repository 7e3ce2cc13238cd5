-- Ids of messages that a source brought without numbers, with the numbers they got, oldest first.
CREATE TABLE inturn_assigned (
  scope TEXT NOT NULL,
  place INTEGER NOT NULL,
  domain TEXT NOT NULL,
  stream TEXT NOT NULL,
  id TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (scope, place)
) WITHOUT ROWID
