-- Takes a dead letter out.
DELETE FROM inturn_dead_letter WHERE consumer = ?1 AND key = ?2
