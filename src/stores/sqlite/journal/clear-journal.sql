-- Forgets the journal of a consumer, which is folded.
DELETE FROM inturn_journal WHERE consumer = ?1
