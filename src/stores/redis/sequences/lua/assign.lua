-- The numbers of messages: those they got before, or the next ones. Takes: the scope, how many messages it
-- remembers, and for each message its stream's path and its digest. Gives: the number of each, or 0 where
-- the numbers of its stream are used up.
local scope, window_max = take(), tonumber(take())
local assigned, order = key('assigned:' .. scope), key('order:' .. scope)
local numbers = {}
while taken < #ARGV do
  local path, digest = take(), take()
  local number = redis.call('HGET', assigned, digest)
  if not number then
    number = take_numbers(path, 1)
    if number then
      number = whole(number)
      redis.call('HSET', assigned, digest, number)
      redis.call('RPUSH', order, digest)
    end
  end
  numbers[#numbers + 1] = number or '0'
end

-- A window that was made smaller is not emptied at once.
local extra = math.min(redis.call('LLEN', order) - window_max, 5000)
if extra > 0 then redis.call('HDEL', assigned, unpack(redis.call('LPOP', order, extra))) end
return numbers
