-- What scripts share whose keys all lie in one slot: KEYS[1] is the beginning of them. ARGV[1] is 0; only
-- tests move the clock with it.
local base = KEYS[1]
local format = string.format

local taken = 1
local function take()
  taken = taken + 1
  return ARGV[taken]
end

local function key(name)
  return base .. ':' .. name
end

local function whole(number)
  return format('%.0f', number)
end
