-- A consumer as a whole.
SELECT
  (SELECT count(*) FROM inturn_stream WHERE consumer = ?1) AS streams,
  (SELECT coalesce(sum(deliveries), 0) FROM inturn_stream WHERE consumer = ?1)
    + (SELECT coalesce(sum(deliveries), 0) FROM inturn_journal WHERE consumer = ?1) AS deliveries,
  (SELECT count(*) FROM inturn_stream INDEXED BY inturn_stream_standing
    WHERE consumer = ?1 AND standing > 0 AND standing = 3) AS halted,
  (SELECT count(*) FROM inturn_stream INDEXED BY inturn_stream_standing
    WHERE consumer = ?1 AND standing > 0 AND standing = 2) AS failing,
  (SELECT count(*) FROM inturn_dead_letter WHERE consumer = ?1) AS dead_letters,
  (SELECT count(*) FROM inturn_ledger WHERE consumer = ?1) AS ledger
