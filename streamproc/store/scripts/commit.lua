#!lua
-- Times in milliseconds. KEYS: epoch, count, due, then context, consent and outputs of each customer.
-- ARGV: epoch token, count last seen by the caller, call token, then a record for each customer, in the order of KEYS:
--   context version, consent version   as loaded: 8 bytes, or empty if the value was absent
--   action                             a letter each for context, consent, outputs and timer hints:
--                                      k keep, d delete, r replace; for outputs and hints k keep, r change
--   context, its time to live          only if the first letter is r; the time 0 means for ever
--   consent                            only if the second letter is r
--   time to live, drops, puts          only if the third letter is r: two counts, then the fields to drop,
--                                      then field and value of each put; the time as above
--   hints                              only if the fourth letter is r: a count, then due time and member of each,
--                                      the time empty if the hint is to be removed
-- Returns the call token, the new count and a string with 1 (applied) or 0 (conflict) for each customer.
-- Errors: EPOCH, nothing was written; LOST, the count went back: nothing but a mark that shuts the bucket for all.
--
-- Lua has no rollback. So all that can fail for a customer (a key of a wrong type) comes before
-- the plain SETs, which cannot; and each customer's checks come before its first write.
local call, keys, args = redis.call, KEYS, ARGV

local epoch = call('GET', keys[1])
if epoch == 'lost' then
  return redis.error_reply('LOST ' .. keys[1] .. ' is marked: its count went back')
end
if epoch ~= args[1] then
  return redis.error_reply('EPOCH ' .. keys[1] .. ' is missing or another one')
end
local count = call('INCR', keys[2])
if count <= tonumber(args[2]) then
  call('SET', keys[1], 'lost')
  return redis.error_reply('LOST ' .. keys[2] .. ' is ' .. (count - 1) .. ' < ' .. args[2] .. ' seen before')
end

local function set(key, value, ttl)
  if ttl == '0' then
    call('SET', key, value)
  else
    call('SET', key, value, 'PX', ttl)
  end
end

-- Returns the position after the outputs' part of a record; changes the outputs unless `apply` is false.
local function outputs(key, at, apply)
  local ttl, drops, puts = args[at], tonumber(args[at + 1]), tonumber(args[at + 2])
  local first_put = at + 3 + drops
  local past = first_put + 2 * puts
  if apply then
    for i = at + 3, first_put - 1 do
      call('HDEL', key, args[i])
    end
    for i = first_put, past - 1, 2 do
      call('HSET', key, args[i], args[i + 1])
    end
    if puts > 0 then
      if ttl == '0' then call('PERSIST', key) else call('PEXPIRE', key, ttl) end
    end
  end
  return past
end

-- Returns the position after the hints' part of a record; changes the hints unless `apply` is false.
local function hints(at, apply)
  local past = at + 1 + 2 * tonumber(args[at])
  if apply then
    for i = at + 1, past - 1, 2 do
      if args[i] == '' then
        call('ZREM', keys[3], args[i + 1])
      else
        call('ZADD', keys[3], args[i], args[i + 1])
      end
    end
  end
  return past
end

local applied = {}
local at = 4
for k = 4, #keys, 3 do
  local ctx, con, out = keys[k], keys[k + 1], keys[k + 2]
  local action = args[at + 2]
  local stands = call('GETRANGE', ctx, 0, 7) == args[at] and call('GETRANGE', con, 0, 7) == args[at + 1]
  at = at + 3
  local on_context, on_consent, on_outputs, on_hints = string.byte(action, 1, 4)
  local context_at = at
  if on_context == 114 then at = at + 2 end
  local consent_at = at
  if on_consent == 114 then at = at + 1 end
  if on_outputs == 114 then at = outputs(out, at, stands) end
  if on_hints == 114 then at = hints(at, stands) end
  if stands then
    if on_consent == 114 then
      call('SET', con, args[consent_at])
    elseif on_consent == 100 then
      call('DEL', con)
    end
    if on_context == 114 then
      set(ctx, args[context_at], args[context_at + 1])
    elseif on_context == 100 then
      call('DEL', ctx)
    end
  end
  applied[#applied + 1] = stands and '1' or '0'
end
return {args[3], count, table.concat(applied)}
