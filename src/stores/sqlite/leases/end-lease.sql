-- Ends a lease at an instant, and keeps that.
UPDATE inturn_lease SET until = ?3, lasting = 1 WHERE name = ?1 AND holder = ?2
