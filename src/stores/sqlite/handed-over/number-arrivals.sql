-- Takes numbers for arrivals.
UPDATE inturn_consumer SET arrivals = arrivals + ?2 WHERE id = ?1 RETURNING arrivals
