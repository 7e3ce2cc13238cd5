-- Forgets the workers other than ?2 that have been silent since before ?3, and says which.
DELETE FROM inturn_worker WHERE consumer = ?1 AND name <> ?2 AND beat_at < ?3 RETURNING name
