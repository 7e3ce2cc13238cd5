-- All consumers.
SELECT name FROM inturn_consumer ORDER BY name
