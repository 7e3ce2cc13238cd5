-- The events of the event log, by their place in it. `data` and `attributes` are JSON.
CREATE TABLE inturn_log_event (
  place INTEGER PRIMARY KEY,
  stream INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  time TEXT NOT NULL,
  appended_at INTEGER NOT NULL,
  attributes TEXT,
  data TEXT NOT NULL
)
