import { MAX_GIVEN_CHARS } from "../../../task/id.ts";

/**
 * What a shell may offer of the tasks, by name: `<id> <state>`, a line each, or, where there are more than a shell
 * shows, `<beginning> <number of ids>`, as long as it can show them. All of the ids stand behind these, so that what
 * is typed for the user fits every one of them.
 *
 * Somebody waits for it at a key, so all of it is one step, it writes nothing, and what has not the form of an id
 * (`ID_FORM`) is left out: a shell would take `--any-host` for an option.
 */
export const OFFER = `
local p = KEYS[1]
local req = cjson.decode(ARGV[1])
local function isId(id)
  return #id <= ${MAX_GIVEN_CHARS} and string.find(id, '^[a-z0-9][a-z0-9-]*$') and not string.find(id .. '-', '--', 1, true)
end
local function setOf(list)
  local set = {}
  for _, each in ipairs(list) do set[each] = true end
  return set
end
local function has(rec)
  if req.having == 'report' then return redis.pcall('HGET', rec, 'hasReport') == '1' end
  -- No text of anybody's looks like this: its quotes are escaped.
  local spec = redis.pcall('HGET', rec, 'spec')
  return type(spec) == 'string' and string.find(spec, '"worktree":{', 1, true) ~= nil
end
local wanted, without = setOf(req.states), setOf(req.without)
local ids, stateOf = {}, {}
for _, id in ipairs(redis.call('ZREVRANGE', p .. ':tasks', 0, -1)) do
  if string.sub(id, 1, #req.begins) == req.begins and not without[id] and isId(id) then
    local state = redis.pcall('HGET', p .. ':task:' .. id, 'state')
    if type(state) ~= 'string' or not string.find(state, '^%a+$') then state = 'damaged' end
    local isWanted = state == 'damaged' or wanted[state]
    if isWanted and req.having then isWanted = has(p .. ':task:' .. id) end
    if isWanted then
      ids[#ids + 1] = id
      stateOf[id] = state
    end
  end
end
local function groupsOf(length)
  local names, sizes, one = {}, {}, {}
  for _, id in ipairs(ids) do
    local name = string.sub(id, 1, length)
    if not sizes[name] then
      if #names == req.most then return nil end
      names[#names + 1] = name
      one[name] = id
    end
    sizes[name] = (sizes[name] or 0) + 1
  end
  return names, sizes, one
end
local names, sizes, one = groupsOf(${MAX_GIVEN_CHARS})
local length = #req.begins
if not names then
  names, sizes, one = groupsOf(length)
  while true do
    local nextNames, nextSizes, nextOne = groupsOf(length + 1)
    if not nextNames then break end
    names, sizes, one, length = nextNames, nextSizes, nextOne, length + 1
  end
end
local found = {}
for n, name in ipairs(names) do
  found[n] = sizes[name] == 1 and one[name] .. ' ' .. stateOf[one[name]] or name .. ' ' .. sizes[name]
end
return cjson.encode({found = table.concat(found, '\\n')})
`;
