-- Renews the claims of a unit of work.
UPDATE inturn_claim SET until = ?3 WHERE consumer = ?1 AND fence = ?2
