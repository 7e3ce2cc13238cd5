-- Forgets a handed-over event that is decided.
DELETE FROM inturn_handed_over WHERE consumer = ?1 AND path = ?2 AND arrival_id = ?3
