-- Live claims, the longest held first.
SELECT path, worker, fence, since FROM inturn_claim WHERE consumer = ?1 AND until > ?2
ORDER BY since, path LIMIT ?3
