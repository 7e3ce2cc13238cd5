-- The streams of a list of paths that the store knows.
SELECT inturn_stream.id, inturn_stream.path, state,
  standing = 0 AND due_at IS NULL AND due_reading IS NULL AS is_quiet
FROM json_each(?2) AS asked CROSS JOIN inturn_stream
ON inturn_stream.consumer = ?1 AND inturn_stream.path = asked.value
