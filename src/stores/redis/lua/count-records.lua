-- The records of a shard. Gives: its dead letters, its ledger entries.
return { redis.call('ZCARD', key('letters')), redis.call('XLEN', key('ledger')) }
