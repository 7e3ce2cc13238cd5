-- Makes a consumer known. Takes: consumer.
return redis.call('SADD', KEYS[2], take())
