-- The last number of a stream that was taken.
SELECT last FROM inturn_sequence WHERE domain = ?1 AND stream = ?2
