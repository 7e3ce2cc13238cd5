-- The streams of the event log. `head` is the last number that was given; it outlives its event.
CREATE TABLE inturn_log_stream (
  id INTEGER PRIMARY KEY,
  domain TEXT NOT NULL,
  stream TEXT NOT NULL,
  head INTEGER NOT NULL,
  UNIQUE (domain, stream)
)
