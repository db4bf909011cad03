-- Ends all that an acquisition has on a node: what it holds, its place in the queue, what is reserved for it.
--
-- KEYS: lock, queue, tomb
-- ARGV: 1 acquisition, 2 count of calls, 3 how long a late obtain of it must be ignored (ms, 0: none can come)
-- Reply: {released, time} | {absent, time}
--
-- Idempotent: what is not there is not released; what is of another, or was obtained by a later call, is left alone. It
-- deletes first and hands on only after, so that a failure in between cannot leave the holder with a lock that is handed
-- on.
local lock, queue = KEYS[1], KEYS[2]
local id = ARGV[1]
local f = redis.call('HMGET', lock, 'h', 'v', 'w', 'u', 'l' .. id, 'g', 'q', 'x')
local held = f[1] == id and tonumber(f[6]) <= tonumber(ARGV[2])
if held then
    redis.call('HDEL', lock, 'h', 'k', 'y', 'u', 'g', 't', 'b', 's')
end
if f[5] then
    redis.call('ZREM', queue, string.match(f[5], '%S+$'))
    redis.call('HDEL', lock, 'l' .. id)
end
if f[2] == id then
    redis.call('HDEL', lock, 'v', 'w')
end
if ARGV[3] ~= '0' then
    redis.call('SET', KEYS[3], '1', 'PX', ARGV[3])
    redis.call('HSET', lock, 'x', math.max(tonumber(f[8] or 0), now + 1000 * ARGV[3]))
    redis.call('PEXPIRE', lock, keep)
end
local free = held or not f[1] or tonumber(f[4]) <= now
local reserved = f[2] and f[2] ~= id and tonumber(f[3]) > now
if free and not reserved and (held or f[2] or f[5]) then
    hand_on(lock, queue, f[7], nil)
end
return { (held or f[5]) and 'released' or 'absent', now }
