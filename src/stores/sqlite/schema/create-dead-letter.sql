-- Dead letters, in the order in which they were kept. `letter` is the whole of it; the other columns find it.
CREATE TABLE inturn_dead_letter (
  id INTEGER PRIMARY KEY,
  consumer INTEGER NOT NULL,
  key TEXT NOT NULL,
  reason TEXT NOT NULL,
  path TEXT,
  epoch INTEGER,
  sequence TEXT,
  letter TEXT NOT NULL
)
