-- The effect of one event.
INSERT INTO journal (account, sequence, amount) VALUES (?1, ?2, ?3)
