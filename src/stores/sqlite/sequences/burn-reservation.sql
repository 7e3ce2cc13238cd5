-- The numbers will never come, unless they were used.
UPDATE inturn_reservation SET
  state = iif(state = 'open', 'burned', state),
  reason = iif(state = 'open', ?2, reason)
WHERE id = ?1 AND state IN ('open', 'burned', 'published')
