-- Appends a commit's entries.
INSERT INTO inturn_journal (consumer, number, changed_at, fence, deliveries, entries)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
