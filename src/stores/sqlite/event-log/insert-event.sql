-- Appends an event.
INSERT INTO inturn_log_event (place, stream, sequence, id, type, time, appended_at, attributes, data)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
