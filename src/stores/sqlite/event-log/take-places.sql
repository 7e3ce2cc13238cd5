-- Takes the next places of the log; says the last one.
INSERT INTO inturn_meta (key, value) VALUES ('log-place', ?1)
ON CONFLICT (key) DO UPDATE SET value = value + excluded.value
RETURNING value
