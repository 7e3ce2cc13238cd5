-- Keeps what needs no claim: dead letters taken out, dead letters, ledger entries, and domains that are
-- paused or resumed.
keep_records()
for _ = 1, take() do redis.call('HSET', key('paused'), take(), take()) end
write_counts()
return 1
