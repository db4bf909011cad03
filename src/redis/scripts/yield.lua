-- Gives back what a round that failed was granted: the holder becomes a waiter.
--
-- KEYS: lock, queue, tomb
-- ARGV: 1 acquisition, 2 priority as rank, 3 ticket (us), 4 waited so far (us), 5 count of calls, 6 how long an entry of the
--       queue lasts (us), 7 window of a reservation (us), 8 channels' prefix, 9 skew (us), 10 how long to keep the keys (ms)
-- Reply: {yielded, time} | {absent, time}
--
-- Idempotent: a yield that is older than the holder's latest call does nothing, nor does one of what is not held.
local lock, queue = KEYS[1], KEYS[2]
local id, skew = ARGV[1], tonumber(ARGV[9])
local f = redis.call('HMGET', lock, 'h', 'g')
if f[1] ~= id or tonumber(f[2]) > tonumber(ARGV[5]) then
    return { 'absent', text(now) }
end
redis.call('HDEL', lock, 'h', 'k', 'y', 'u', 'g', 't', 'b', 's')
if redis.call('EXISTS', KEYS[3]) == 0 then
    local started = now - tonumber(ARGV[4])
    local ticket = math.max(started - skew, math.min(tonumber(ARGV[3]), started + skew))
    local member = ARGV[2] .. string.format('%016x', ticket) .. id
    forget_waiter(lock, queue, id) -- it queued again, if its hold had ended by itself
    redis.call('ZADD', queue, 0, member)
    redis.call('HSET', lock, 'l' .. id, text(now + tonumber(ARGV[6])) .. ' ' .. ARGV[7] .. ' ' .. member)
    redis.call('PEXPIRE', lock, ARGV[10])
    redis.call('PEXPIRE', queue, ARGV[10])
end
hand_on(lock, queue, ARGV[8], id)
return { 'yielded', text(now) }
