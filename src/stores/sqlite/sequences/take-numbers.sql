-- Takes the next numbers of a stream; says the last of them.
INSERT INTO inturn_sequence (domain, stream, last) VALUES (?1, ?2, ?3)
ON CONFLICT (domain, stream) DO UPDATE SET last = last + excluded.last
RETURNING last
