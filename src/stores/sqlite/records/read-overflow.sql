-- The dead letters of a stream that wait to be admitted again, ascending.
SELECT letter FROM inturn_dead_letter WHERE consumer = ?1 AND path = ?2 AND reason = 'overflow'
ORDER BY epoch, sequence LIMIT ?3
