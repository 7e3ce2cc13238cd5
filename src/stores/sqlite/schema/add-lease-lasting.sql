-- Whether the end of a lease is kept for good.
ALTER TABLE inturn_lease ADD COLUMN lasting INTEGER NOT NULL DEFAULT 0
