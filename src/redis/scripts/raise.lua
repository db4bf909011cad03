-- A re-entrant acquire gave the holder a higher priority.
--
-- KEYS: lock
-- ARGV: 1 acquisition, 2 priority
-- Reply: {raised, time} | {absent, time}
--
-- Idempotent: a priority only rises.
local f = redis.call('HMGET', KEYS[1], 'h', 'y')
if f[1] ~= ARGV[1] then
    return { 'absent', now }
end
if tonumber(ARGV[2]) > tonumber(f[2]) then
    redis.call('HSET', KEYS[1], 'y', ARGV[2])
end
return { 'raised', now }
