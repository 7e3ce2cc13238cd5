-- The number of the journal's last row.
SELECT journal FROM inturn_consumer WHERE id = ?1
