#!lua
-- Times in milliseconds. KEYS: epoch, claim. ARGV: epoch token, how long a claim stands, then the names of who claims.
-- The first of them claims what nobody has, and holds the claim however often it is told again.
-- Returns 1 if one of them holds it, else 0. Error: EPOCH, nothing was written.
local call, keys, args = redis.call, KEYS, ARGV

if call('GET', keys[1]) ~= args[1] then
  return redis.error_reply('EPOCH ' .. keys[1] .. ' is missing or another one')
end
call('SET', keys[2], args[3], 'NX', 'PX', args[2])
local holder = call('GET', keys[2])
for i = 3, #args do
  if args[i] == holder then
    return 1
  end
end
return 0
