-- Each account: its rows, the numbers among them, and its balance.
SELECT account, count(*) AS entries, count(DISTINCT sequence) AS numbers,
  min(sequence) AS lowest, max(sequence) AS highest, sum(amount) AS balance
FROM journal GROUP BY account ORDER BY account
