-- The ledger of one stream.
CREATE INDEX inturn_ledger_path ON inturn_ledger (consumer, path)
