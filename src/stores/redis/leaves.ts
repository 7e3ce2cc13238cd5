// How a stream that is new gets into a leaf, and what becomes of a leaf that is full: the part of a commit
// that few streams need. Upholds I9: whoever knows where a stream was never gets to another one's record.
import { lua } from '../../redis/lua-script.ts'

export const leavesLua: string = lua`
  -- A leaf that has more streams than this is split in the middle, unless it grew at its end, where it is
  -- left full: paths that rise, as ids with a time in them do, would leave half of every leaf empty
  -- otherwise.
  local leaf_max = 128

  local function new_leaf(lowest)
    local number = redis.call('HINCRBY', key('counts'), 'leaf', 1)
    redis.call('ZADD', key('leaves'), 0, lowest .. '\0' .. number)
    return number
  end

  -- Paths in the order of their bytes, which is that of a sorted set with equal scores. Lua's own comparison
  -- of texts would obey the server's locale.
  local function in_order(paths)
    local name, members = key('order'), {}
    for _, path in ipairs(paths) do
      members[#members + 1] = '0'
      members[#members + 1] = path
    end
    redis.call('DEL', name)
    call_many('ZADD', name, members)
    local ordered = redis.call('ZRANGE', name, 0, -1)
    redis.call('DEL', name)
    return ordered
  end

  local function split(leaf)
    local name = key('leaf:' .. leaf)
    local elements, paths = redis.call('LRANGE', name, 0, -1), {}
    for at = 1, #elements, 2 do paths[#paths + 1] = elements[at] end
    local ordered = in_order(paths)
    local newest, size = paths[#paths], #paths
    local middle = newest == ordered[size] and size or floor(size / 2) + 1
    local is_upper, lower, upper = {}, {}, {}
    for at = middle, size do is_upper[ordered[at]] = true end
    for at = 1, #elements, 2 do
      local half = is_upper[elements[at]] and upper or lower
      half[#half + 1] = elements[at]
      half[#half + 1] = elements[at + 1]
    end
    -- Both halves get a number of their own, and none is given twice: who knows where a stream was in a leaf
    -- is right for as long as there is such a leaf.
    local entry = leaf_entry(ordered[1])
    redis.call('ZREM', key('leaves'), entry)
    redis.call('DEL', name)
    call_many('RPUSH', key('leaf:' .. new_leaf(string.match(entry, '^([^%z]*)'))), lower)
    call_many('RPUSH', key('leaf:' .. new_leaf(ordered[middle])), upper)
  end

  local function insert_record(leaf, path, record)
    leaf = leaf or new_leaf('')
    if redis.call('RPUSH', key('leaf:' .. leaf), path, record) > 2 * leaf_max then split(leaf) end
    count('streams', 1)
  end
`
