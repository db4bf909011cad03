-- Gives back what a round that failed was granted: the holder becomes a waiter.
--
-- KEYS: lock, queue, tomb
-- ARGV: 1 acquisition, 2 priority, 3 ticket (us), 4 waited so far (us), 5 count of calls, 6 window of a reservation (us)
-- Reply: {yielded, time} | {absent, time}
--
-- Idempotent: a yield that is older than the holder's latest call does nothing, nor does one of what is not held.
local lock, queue = KEYS[1], KEYS[2]
local id = ARGV[1]
local f = redis.call('HMGET', lock, 'h', 'g')
if f[1] ~= id or tonumber(f[2]) > tonumber(ARGV[5]) then
    return { 'absent', now }
end
redis.call('HDEL', lock, 'h', 'k', 'y', 'u', 'g', 't', 'b', 's')
if redis.call('EXISTS', KEYS[3]) == 0 then
    forget_waiter(lock, queue, id) -- it queued again, if its hold had ended by itself
    remember_waiter(lock, queue, id, member_of(id, ARGV[2], tonumber(ARGV[3]), ARGV[4]), ARGV[6])
end
hand_on(lock, queue, true, id)
return { 'yielded', now }
