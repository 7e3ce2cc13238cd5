-- Keeps an event, unless one with its number is there.
INSERT INTO inturn_held (stream, epoch, sequence, event, print, held_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (stream, epoch, sequence) DO NOTHING
