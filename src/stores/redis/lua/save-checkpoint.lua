-- Keeps a source's note. Takes: consumer, source, note.
redis.call('SADD', KEYS[2], take())
redis.call('HSET', key('checkpoints'), take(), take())
return 1
