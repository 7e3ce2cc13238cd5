-- Held events of the streams from a path to before an end, ascending by stream, epoch and sequence.
SELECT path, epoch, sequence, event, print, held_at
FROM inturn_stream INDEXED BY inturn_stream_standing CROSS JOIN inturn_held ON stream = inturn_stream.id
WHERE consumer = ?1 AND path >= ?2 AND path < ?3 AND standing > 0
ORDER BY path, epoch, sequence LIMIT ?4
