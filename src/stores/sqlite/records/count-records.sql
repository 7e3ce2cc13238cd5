-- How many records a consumer has.
SELECT
  (SELECT count(*) FROM inturn_dead_letter WHERE consumer = ?1) AS dead_letters,
  (SELECT count(*) FROM inturn_ledger WHERE consumer = ?1) AS ledger
