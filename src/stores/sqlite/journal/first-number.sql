-- The number of the first row of a consumer's journal: another one each time since it was folded last.
SELECT min(number) AS number FROM inturn_journal WHERE consumer = ?1
