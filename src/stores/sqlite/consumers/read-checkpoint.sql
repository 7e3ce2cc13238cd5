-- A source's note.
SELECT value FROM inturn_checkpoint JOIN inturn_consumer ON inturn_consumer.id = consumer
WHERE name = ?1 AND source = ?2
