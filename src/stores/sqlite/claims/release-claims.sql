-- Releases the claims of a unit of work.
DELETE FROM inturn_claim WHERE consumer = ?1 AND fence = ?2 RETURNING path
