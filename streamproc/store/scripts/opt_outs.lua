#!lua
-- Times in milliseconds. KEYS: epoch, then opt-outs of one kind and messages for each tally.
-- ARGV: epoch token, time to live, then the ids of messages.
-- Adds opt-outs to the first tally, one a message however often it is told.
-- Returns opt-outs and messages for each tally. Error: EPOCH, nothing was written.
local call, keys, args = redis.call, KEYS, ARGV

if call('GET', keys[1]) ~= args[1] then
  return redis.error_reply('EPOCH ' .. keys[1] .. ' is missing or another one')
end
call('SADD', keys[2], unpack(args, 3))
call('PEXPIRE', keys[2], args[2])
local counts = {}
for i = 2, #keys, 2 do
  counts[#counts + 1] = call('SCARD', keys[i])
  counts[#counts + 1] = call('PFCOUNT', keys[i + 1])
end
return counts
