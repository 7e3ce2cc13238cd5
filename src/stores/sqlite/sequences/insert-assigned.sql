-- Remembers the number of a message.
INSERT INTO inturn_assigned (scope, place, domain, stream, id, sequence) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
