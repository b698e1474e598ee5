#!lua
-- Times in milliseconds. KEYS: epoch, claim, then complaints and messages for each tally.
-- ARGV: epoch token, time to live, the id of the message, the ratio that may be complained about, the least messages
-- that tell, how long a claim stands.
-- Adds a complaint to the first tally, where its message has none yet, and adds up all of them. Where too many complain
-- the first complaint to find that claims it, and holds the claim however often it is told again.
-- Returns the complaints, the messages, and 1 for who must act, else 0. Error: EPOCH, nothing was written.
local call, keys, args = redis.call, KEYS, ARGV

if call('GET', keys[1]) ~= args[1] then
  return redis.error_reply('EPOCH ' .. keys[1] .. ' is missing or another one')
end
call('SADD', keys[3], args[3])
call('PEXPIRE', keys[3], args[2])
local complaints, counts = 0, {}
for i = 3, #keys, 2 do
  complaints = complaints + call('SCARD', keys[i])
  counts[#counts + 1] = keys[i + 1]
end
local messages = call('PFCOUNT', unpack(counts))
if messages < tonumber(args[5]) or complaints / messages <= tonumber(args[4]) then
  return {complaints, messages, 0}
end
call('SET', keys[2], args[3], 'NX', 'PX', args[6])
return {complaints, messages, call('GET', keys[2]) == args[3] and 1 or 0}
