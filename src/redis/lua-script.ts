// Scripts, each beside the function that calls it, are called by their digest, so that they are sent once.
// Those of the store are bodies of a function, so that one can be run for several calls at once.
import { createHash } from 'node:crypto'

/** A script as the server takes it. */
export interface LuaScript {
  readonly text: string
  readonly sha: string
  /** Whether it takes several calls at once, with their arguments packed: its prelude sees to that. */
  readonly takesMany: boolean
}

/** A piece of Lua as it is sent: without its comments. */
export function lua({ raw }: TemplateStringsArray): string {
  return raw.join('').replaceAll(/^ *(?:--.*)?\n/gm, '')
}

// What begins every key, so that all of them lie in one slot.
const keysLua = lua`
  local base
  local byte, char, floor, format = string.byte, string.char, math.floor, string.format

  local function key(name)
    return base .. ':' .. name
  end

  local function whole(number)
    return format('%.0f', number)
  end
`
const prelude = lua`
  -- What all scripts share. A script is the body of a function that is run for each of the calls that are
  -- made together, with the keys and arguments of that call. Its KEYS[1] is the beginning of every key of one
  -- consumer in one shard, so that all of them lie in one slot. All arguments come as one, packed. The first
  -- of them is 0; only tests move the clock with it.
  local ARGV = cmsgpack.unpack(ARGV[1])
  local time = redis.call('TIME')
  local micros = time[1] * 1000000 + time[2] + ARGV[1] * 1000
  local now = floor(micros / 1000)

  -- 'last' is where the arguments of the call in hand end.
  local taken, last = 1, 1
  local function take()
    taken = taken + 1
    return ARGV[taken]
  end

  local function take_rest()
    local rest = {}
    for at = taken + 1, last do rest[#rest + 1] = ARGV[at] end
    taken = last
    return rest
  end

  -- A number in as few bytes as it needs, seven bits each.
  local function packed(number)
    local text = ''
    while number >= 128 do
      text = text .. char(number % 128 + 128)
      number = floor(number / 128)
    end
    return text .. char(number)
  end

  local function unpacked(text, at)
    local number, scale = 0, 1
    while true do
      local part = byte(text, at)
      at = at + 1
      number = number + part % 128 * scale
      if part < 128 then return number, at end
      scale = scale * 128
    end
  end

  -- What is counted of this shard is added up here and written once, by 'write_counts'.
  local counted
  local function count(name, difference)
    if difference ~= 0 then counted[name] = (counted[name] or 0) + difference end
  end

  local function domain_of(path)
    return string.match(path, '^[^/]*')
  end

  local function write_counts()
    for name, difference in pairs(counted) do
      if difference ~= 0 then redis.call('HINCRBY', key('counts'), name, whole(difference)) end
    end
  end

  -- Until when the claims with a fence are alive.
  local until_of
  local function ends_of(fence)
    until_of[fence] = until_of[fence] or tonumber(redis.call('ZSCORE', key('units'), fence) or 0)
    return until_of[fence]
  end

  -- The fence of a stream's claim, and until when it is alive; nothing where there is none.
  local function claim_of(path)
    local fence = redis.call('HGET', key('claims'), path)
    if fence then return fence, ends_of(fence) end
  end

  -- Since when which worker has the claims with a fence: it stands beside them, under the fence, which is no
  -- path as it has no slash.
  local function worker_of(fence)
    return redis.call('HGET', key('claims'), fence)
  end

  local function is_claimed(path)
    local fence, ends = claim_of(path)
    return fence ~= nil and ends > now
  end

  -- One command on a list of any length: Lua passes at most some thousands of arguments at once.
  local function call_many(command, name, list)
    if #list == 0 then return {} end
    if #list <= 1000 then return redis.call(command, name, unpack(list)) end
    local all = {}
    for from = 1, #list, 1000 do
      local reply = redis.call(command, name, unpack(list, from, math.min(from + 999, #list)))
      if type(reply) == 'table' then
        for _, value in ipairs(reply) do all[#all + 1] = value end
      end
    end
    return all
  end

  -- Streams lie in leaves: lists of (path, record, path, record, ...), because the small encoding of a list
  -- takes elements of any size. 'leaves' has an entry for each: lowest path, zero byte, number of the leaf.
  local function leaf_entry(path)
    return redis.call('ZREVRANGEBYLEX', key('leaves'), '[' .. path .. '\0\255', '-', 'LIMIT', 0, 1)[1]
  end

  local function leaf_of(path)
    local entry = leaf_entry(path)
    return entry and string.match(entry, '%z(%d+)$')
  end

  local leaf_keys
  local function leaf_key(leaf)
    local name = leaf_keys[leaf]
    if not name then
      name = base .. ':leaf:' .. leaf
      leaf_keys[leaf] = name
    end
    return name
  end

  -- A stream's record, the number of its leaf, and its index there.
  local function find_record(path)
    local leaf = leaf_of(path)
    local before = leaf and redis.call('LPOS', leaf_key(leaf), path)
    if not before then return nil, leaf end
    local at = whole(before + 1)
    return redis.call('LINDEX', leaf_key(leaf), at), leaf, at
  end

  -- Runs a script's body for each call. Takes for each: how many keys and how many arguments it has, and
  -- these. KEYS has one key more for each, which is never there.
  local function run_calls(body)
    local replies, passed = {}, 0
    while passed < #KEYS do
      local keys = {}
      for at = 1, take() do keys[at] = KEYS[passed + at] end
      passed = passed + #keys + 1
      local size = take()
      last = taken + size
      base, counted, until_of, leaf_keys = keys[1], {}, {}, {}
      replies[#replies + 1] = body(keys) or false
      taken = last
    end
    return replies
  end
`
const oneSlotPrelude = lua`
  -- What scripts share whose keys all lie in one slot: KEYS[1] is the beginning of them. ARGV[1] is 0; only
  -- tests move the clock with it.
  base = KEYS[1]

  local taken = 1
  local function take()
    taken = taken + 1
    return ARGV[taken]
  end
`

/**
 * A script of the store, behind what all of them share. The last piece is the body; those before it are run
 * once for all calls that are made together, so that functions are made once.
 */
export function storeScript(...pieces: readonly [...helpers: string[], body: string]): LuaScript {
  const helpers = pieces.slice(0, -1).join('')
  const body = `local function body(KEYS)\n${pieces.at(-1)}end\nreturn run_calls(body)\n`
  return scriptOf(keysLua + prelude + helpers + body, true)
}

/** A script whose keys all lie in one slot, behind what those share. */
export function oneSlotScript(...pieces: readonly string[]): LuaScript {
  return scriptOf(keysLua + oneSlotPrelude + pieces.join(''), false)
}

/** A script of pieces that are put one behind the other. */
export function plainScript(...pieces: readonly string[]): LuaScript {
  return scriptOf(pieces.join(''), false)
}

function scriptOf(text: string, takesMany: boolean): LuaScript {
  return { text, sha: createHash('sha1').update(text).digest('hex'), takesMany }
}
