-- Takes a lease back, and forgets those that have expired. Those whose end is kept stay.
DELETE FROM inturn_lease WHERE lasting = 0 AND (name = ?1 OR until <= ?2)
