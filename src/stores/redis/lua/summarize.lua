-- A shard as a whole. Gives: its counts, its dead letters, its ledger entries.
return {
  redis.call('HGETALL', key('counts')),
  redis.call('ZCARD', key('letters')),
  redis.call('XLEN', key('ledger')),
}
