-- What the demo's handler writes: one row an event, numbered in the order of the commits. No constraint keeps
-- a second row of an event out, so that only the engine can.
CREATE TABLE journal (
  entry INTEGER PRIMARY KEY AUTOINCREMENT,
  account TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  amount INTEGER NOT NULL
)
