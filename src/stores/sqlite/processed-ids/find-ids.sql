-- Which ids of a list are remembered.
SELECT inturn_processed_id.id
FROM json_each(?3) AS asked CROSS JOIN inturn_processed_id
ON consumer = ?1 AND domain = ?2 AND inturn_processed_id.id = asked.value
WHERE until > ?4
