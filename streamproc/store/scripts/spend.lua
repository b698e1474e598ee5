#!lua
-- Money in minor units, times in milliseconds. KEYS: epoch, total, paid.
-- ARGV: epoch token, time to live, the most that may be spent, then a nudge id and its cost for each nudge.
-- Pays for each nudge in turn while the total allows it; one that was paid for before costs nothing again. `total`
-- is a number, `paid` the set of the ids that it is the sum of: both live as long.
-- Returns the total and a string with 1 (paid) or 0 (refused) for each nudge. Error: EPOCH, nothing was written.
local call, keys, args = redis.call, KEYS, ARGV

if call('GET', keys[1]) ~= args[1] then
  return redis.error_reply('EPOCH ' .. keys[1] .. ' is missing or another one')
end
local total, most = tonumber(call('GET', keys[2]) or '0'), tonumber(args[3])
local answers = {}
for i = 4, #args, 2 do
  local cost = tonumber(args[i + 1])
  if call('SISMEMBER', keys[3], args[i]) == 1 then
    answers[#answers + 1] = '1'
  elseif total + cost > most then
    answers[#answers + 1] = '0'
  else
    total = total + cost
    call('SADD', keys[3], args[i])
    answers[#answers + 1] = '1'
  end
end
call('SET', keys[2], total, 'PX', args[2])
call('PEXPIRE', keys[3], args[2])
return {total, table.concat(answers)}
