#!lua
-- Times in milliseconds. KEYS: due.
-- Returns how many hints there are, claimed ones (see claim.lua) included, and of those that are not claimed the first due
-- time, empty if there is none. A script, so that the reply has one shape whatever the protocol.
local first = redis.call('ZRANGEBYSCORE', KEYS[1], 0, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
return {redis.call('ZCARD', KEYS[1]), first[2] or ''}
