#!lua
-- Times in milliseconds. KEYS: due. ARGV: now, the time a claimed hint is due again, how many hints at most.
-- Returns the members whose time has come, the earliest first. Each is put off until the second time, so that
-- another worker finds it only if this one does not remove it before: a claim is a lease, not a promise.
local members = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for i = 1, #members do
  redis.call('ZADD', KEYS[1], ARGV[2], members[i])
end
return members
