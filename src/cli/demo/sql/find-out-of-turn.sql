-- Rows that do not stand where their number says: the n-th row of an account must bear the number n.
SELECT account, sequence, place
FROM (
  SELECT account, sequence, row_number() OVER (PARTITION BY account ORDER BY entry) AS place FROM journal
)
WHERE sequence <> place LIMIT 10
