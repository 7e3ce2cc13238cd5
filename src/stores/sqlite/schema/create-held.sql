-- Held events. `sequence` is text that sorts like the number.
CREATE TABLE inturn_held (
  stream INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  sequence TEXT NOT NULL,
  event TEXT NOT NULL,
  print INTEGER NOT NULL,
  held_at INTEGER NOT NULL,
  PRIMARY KEY (stream, epoch, sequence)
) WITHOUT ROWID
