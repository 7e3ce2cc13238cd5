-- Which streams of a list have handed-over events.
SELECT asked.value AS path FROM json_each(?2) AS asked
WHERE EXISTS (SELECT 1 FROM inturn_handed_over WHERE consumer = ?1 AND path = asked.value)
