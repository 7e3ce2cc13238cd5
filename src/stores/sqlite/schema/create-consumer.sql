-- Consumers. `units` rises with every unit of work and every commit: it is the fence, and what tells a
-- process that states it remembers may have been changed by another one. `reading_ms` is the reading clock,
-- `journal` the number of the journal's last row, `journal_entries` how many entries are not folded yet.
CREATE TABLE inturn_consumer (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  units INTEGER NOT NULL DEFAULT 0,
  arrivals INTEGER NOT NULL DEFAULT 0,
  journal INTEGER NOT NULL DEFAULT 0,
  journal_entries INTEGER NOT NULL DEFAULT 0,
  reading_ms INTEGER NOT NULL DEFAULT 0,
  beat_at INTEGER
)
