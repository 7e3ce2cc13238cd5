-- When a claim was taken: a worker that has one for long is slow.
ALTER TABLE inturn_claim ADD COLUMN since INTEGER NOT NULL DEFAULT 0
