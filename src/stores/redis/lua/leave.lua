-- A worker ends by its own will. Takes: worker.
return redis.call('ZREM', key('readers'), take())
