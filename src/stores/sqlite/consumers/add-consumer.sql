-- Makes a consumer known; one that is known stays as it is.
INSERT INTO inturn_consumer (name) VALUES (?1) ON CONFLICT (name) DO NOTHING
