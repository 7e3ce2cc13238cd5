-- Forgets a claim that has expired.
DELETE FROM inturn_claim WHERE consumer = ?1 AND path = ?2
