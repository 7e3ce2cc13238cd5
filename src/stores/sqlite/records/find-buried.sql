-- Which keys of a list have a dead letter.
SELECT inturn_dead_letter.key
FROM json_each(?2) AS asked CROSS JOIN inturn_dead_letter
ON consumer = ?1 AND inturn_dead_letter.key = asked.value
