-- One stream as it is kept, with its live claim.
SELECT s.id, s.path, s.state, s.journal_seen, s.deliveries, s.changed_at, s.due_at, s.due_reading, c.worker,
  s.fence, c.fence AS claim_fence
FROM inturn_stream AS s
LEFT JOIN inturn_claim AS c ON c.consumer = s.consumer AND c.path = s.path AND c.until > ?3
WHERE s.consumer = ?1 AND s.path = ?2
