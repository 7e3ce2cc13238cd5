-- Whether the file is a store at all.
SELECT 1 AS is_there FROM sqlite_schema WHERE type = 'table' AND name = 'inturn_meta'
