-- Streams above a path and below an end, with their live claims, ascending.
SELECT s.id, s.path, s.state, s.journal_seen, s.deliveries, s.changed_at, s.due_at, s.due_reading, c.worker,
  s.fence, c.fence AS claim_fence
FROM inturn_stream AS s
LEFT JOIN inturn_claim AS c ON c.consumer = s.consumer AND c.path = s.path AND c.until > ?5
WHERE s.consumer = ?1 AND s.path > ?2 AND s.path < ?3
ORDER BY s.path LIMIT ?4
