-- The number that a message got.
SELECT sequence FROM inturn_assigned WHERE scope = ?1 AND domain = ?2 AND stream = ?3 AND id = ?4
