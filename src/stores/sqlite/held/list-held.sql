-- Held events of the streams between two paths, behind a place, ascending by stream, epoch and sequence.
SELECT path, epoch, sequence, event, print, held_at
FROM inturn_stream CROSS JOIN inturn_held ON stream = inturn_stream.id
WHERE consumer = ?1 AND path >= ?2 AND path < ?3 AND standing > 0 AND (path, epoch, sequence) > (?4, ?5, ?6)
ORDER BY path, epoch, sequence LIMIT ?7
