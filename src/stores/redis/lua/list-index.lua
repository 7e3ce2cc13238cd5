-- Paths in an index of this shard that is ordered by path. Takes: index, lower bound, limit.
return redis.call('ZRANGEBYLEX', key(take()), take(), '+', 'LIMIT', 0, take())
