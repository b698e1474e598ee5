#!lua
-- Times in milliseconds. KEYS: epoch, due. ARGV: epoch token, then the wall time its claim stands until and the member
-- of each hint.
-- Removes each hint whose claim (see claim.lua) is still this one. Error: EPOCH, nothing was written.
local call, keys, args = redis.call, KEYS, ARGV

if call('GET', keys[1]) ~= args[1] then
  return redis.error_reply('EPOCH ' .. keys[1] .. ' is missing or another one')
end
for i = 2, #args, 2 do
  local score = call('ZSCORE', keys[2], args[i + 1])
  if score and tonumber(score) == -tonumber(args[i]) then
    call('ZREM', keys[2], args[i + 1])
  end
end
return 1
