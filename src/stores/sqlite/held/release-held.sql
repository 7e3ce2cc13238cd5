-- Forgets a range of held events.
DELETE FROM inturn_held WHERE stream = ?1 AND epoch = ?2 AND sequence > ?3 AND sequence <= ?4
