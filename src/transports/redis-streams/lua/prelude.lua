-- What all scripts share: reading flat lists of names and values, finding a group, and comparing ids: as
-- text, because their two parts have 64 bits each and do not fit into a number.
local function valueIn(list, name)
  for index = 1, #list, 2 do
    if list[index] == name then return list[index + 1] end
  end
end

local function groupOf(name)
  local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
  if groups.err and not string.find(groups.err, 'no such key', 1, true) then return groups end
  for _, group in ipairs(groups) do
    if valueIn(group, 'name') == name then return group end
  end
  return redis.error_reply('NOGROUP the stream has no such group')
end

local function isLower(one, other)
  local oneMs, oneNumber = string.match(one, '^(%d+)-(%d+)$')
  local otherMs, otherNumber = string.match(other, '^(%d+)-(%d+)$')
  if #oneMs ~= #otherMs then return #oneMs < #otherMs end
  if oneMs ~= otherMs then return oneMs < otherMs end
  if #oneNumber ~= #otherNumber then return #oneNumber < #otherNumber end
  return oneNumber < otherNumber
end
