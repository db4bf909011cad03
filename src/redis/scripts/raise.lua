-- A re-entrant acquire gave the holder a higher priority.
--
-- Keys: lock, queue, tomb
-- Arguments: acquisition, priority
-- Reply: {raised, time} | {absent, time}
--
-- Idempotent: a priority only rises.
local lock, queue, tomb, id, priority = arguments()
local hold, old, locker = string.match(redis.call('HGET', lock, 'h') or '', '^(%S+ %d+ %d+) (%S+) (.*)$')
if not hold or string.match(hold, '^%S+') ~= id then
    return { 'absent', now }
end
if tonumber(priority) > tonumber(old) then
    redis.call('HSET', lock, 'h', hold .. ' ' .. priority .. ' ' .. locker)
end
return { 'raised', now }
