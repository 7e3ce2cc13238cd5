-- Numbers that were reserved. `state`: open, used, burned (not published yet), published.
CREATE TABLE inturn_reservation (
  id INTEGER PRIMARY KEY,
  domain TEXT NOT NULL,
  stream TEXT NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  until INTEGER NOT NULL,
  state TEXT NOT NULL,
  reason TEXT
)
