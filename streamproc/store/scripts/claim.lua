#!lua
-- Times in milliseconds. KEYS: epoch, due.
-- ARGV: epoch token, the time up to which hints are due, the wall time, the wall time a claim stands until, how many
-- hints at most, the wall time that no claim can stand until yet.
-- A score above 0 is the time that a hint is due at. One below 0 is a claim, the wall time it stands until with the sign
-- turned: so a claim is never taken for a due time, whatever clock those follow, and one range holds what is due and the
-- claims that ran out. A claim that stands until later than ARGV 6 was made by a clock that has been set back since, and
-- has run out too. Returns each member and the score it had, the lowest first. Error: EPOCH, nothing was written.
local call, keys, args = redis.call, KEYS, ARGV

if call('GET', keys[1]) ~= args[1] then
  return redis.error_reply('EPOCH ' .. keys[1] .. ' is missing or another one')
end
local found = call('ZRANGEBYSCORE', keys[2], '-' .. args[3], args[2], 'WITHSCORES', 'LIMIT', 0, args[5])
if #found == 0 then
  found = call('ZRANGEBYSCORE', keys[2], '-inf', '(-' .. args[6], 'WITHSCORES', 'LIMIT', 0, args[5])
end
local claims = {}
for i = 1, #found, 2 do
  claims[i] = '-' .. args[4]
  claims[i + 1] = found[i]
end
if #claims > 0 then
  call('ZADD', keys[2], unpack(claims))
end
return found
