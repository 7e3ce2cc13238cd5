-- Adds messages to a stream, in their order. One script and no pipeline: whatever happens to the connection,
-- all of them are added or none, so nobody ever sees one without those before it.
for index = 1, #ARGV do redis.call('XADD', KEYS[1], '*', 'data', ARGV[index]) end
return #ARGV
