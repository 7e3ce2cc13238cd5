-- Takes a lease back, and forgets those that have expired.
DELETE FROM inturn_lease WHERE name = ?1 OR until <= ?2
