-- Replaces a held event by one with the same number.
UPDATE inturn_held SET event = ?4, print = ?5, held_at = ?6 WHERE stream = ?1 AND epoch = ?2 AND sequence = ?3
