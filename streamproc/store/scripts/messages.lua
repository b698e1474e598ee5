#!lua
-- Times in milliseconds. KEYS: epoch, then a count of messages for each tally.
-- ARGV: epoch token, time to live, then for each tally how many messages, and their ids.
-- Counts messages, each once in its tally. A count is a HyperLogLog: 12 KiB at most for any number, right within 1 %.
-- Error: EPOCH, nothing was written.
local call, keys, args = redis.call, KEYS, ARGV

if call('GET', keys[1]) ~= args[1] then
  return redis.error_reply('EPOCH ' .. keys[1] .. ' is missing or another one')
end
local at = 3
for i = 2, #keys do
  local last = at + tonumber(args[at])
  call('PFADD', keys[i], unpack(args, at + 1, last))
  call('PEXPIRE', keys[i], args[2])
  at = last + 1
end
return redis.status_reply('OK')
