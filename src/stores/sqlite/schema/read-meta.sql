-- One of the numbers that the store knows of itself.
SELECT value FROM inturn_meta WHERE key = ?1
