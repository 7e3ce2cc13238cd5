-- Whether any stream of the consumer is claimed.
SELECT 1 AS is_there FROM inturn_claim WHERE consumer = ?1 LIMIT 1
