-- The claims of a list of streams.
SELECT inturn_claim.path, fence, until
FROM json_each(?2) AS asked CROSS JOIN inturn_claim
ON inturn_claim.consumer = ?1 AND inturn_claim.path = asked.value
