#!lua
-- Times in milliseconds. KEYS: epoch, next.
-- ARGV: epoch token, now, the interval between two slots, then a nudge's expiry for each nudge.
-- Gives each nudge in turn the first slot that is free, an interval after the one before, and none if it expires
-- before that. `next` holds the slot that is free next, for as long as it lies ahead.
-- Returns the slots, 0 for none. Error: EPOCH, nothing was written.
local call, keys, args = redis.call, KEYS, ARGV

if call('GET', keys[1]) ~= args[1] then
  return redis.error_reply('EPOCH ' .. keys[1] .. ' is missing or another one')
end
local now, interval = tonumber(args[2]), tonumber(args[3])
local free = math.max(now, tonumber(call('GET', keys[2]) or '0'))
local slots = {}
for i = 4, #args do
  if free < tonumber(args[i]) then
    slots[#slots + 1] = math.ceil(free)
    free = free + interval
  else
    slots[#slots + 1] = 0
  end
end
if free > now then
  -- Lua writes numbers with 14 digits, of which milliseconds since the epoch leave one.
  call('SET', keys[2], string.format('%.3f', free), 'PX', math.ceil(free - now))
end
return slots
