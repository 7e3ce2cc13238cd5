-- Makes the layout known, if the server has forgotten it. Takes: version, shards. Gives over how many shards
-- the store is spread, and 1 where the layout was forgotten.
local function lay_out(layout)
  local version, shards = take(), take()
  local written = redis.call('HGET', layout, 'shards')
  if not written then redis.call('HSET', layout, 'version', version, 'shards', shards) end
  return tonumber(written or shards), written and 0 or 1
end

-- Notes that a process is here, unless it was here last before `told`: then it is to be told of that first.
-- Gives when it was here last. GT, as clocks may be set back.
local function note_process(process, told)
  local last = redis.call('ZSCORE', key('begun'), process)
  if told <= tonumber(last or 0) then redis.call('ZADD', key('begun'), 'GT', whole(now), process) end
  return last or ''
end
