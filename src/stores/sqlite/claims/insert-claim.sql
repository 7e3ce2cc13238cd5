-- Claims a stream, or takes over a claim that has expired.
INSERT INTO inturn_claim (consumer, path, worker, fence, until, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (consumer, path) DO UPDATE
SET worker = excluded.worker, fence = excluded.fence, until = excluded.until, since = excluded.since
