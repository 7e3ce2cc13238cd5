-- Held events of one stream behind a place, ascending.
SELECT path, epoch, sequence, event, print, held_at
FROM inturn_stream CROSS JOIN inturn_held ON stream = inturn_stream.id
WHERE consumer = ?1 AND path = ?2 AND (epoch, sequence) > (?3, ?4)
ORDER BY epoch, sequence LIMIT ?5
