-- Gives back what a round that failed was granted: the holder becomes a waiter.
--
-- Keys: lock, queue, tombstone
-- Arguments: acquisition, priority, ticket (us), how long it has waited (us), count of calls, window of a reservation (us),
--            whether it preempts (1, 0)
-- Reply: {yielded, time} | {absent, time}
--
-- Idempotent: a yield that is older than the holder's latest call does nothing, nor does one of what is not held.
local lock, queue, tombstone, id, priority, ticket, waited, call, window, preempts = arguments()
local holder, latest, locker = string.match(redis.call('HGET', lock, 'h') or '', '^(%S+) %d+ (%d+) %S+ (.*)$')
if holder ~= id or tonumber(latest) > tonumber(call) then
    return { 'absent', now }
end
include('waiters')
redis.call('HDEL', lock, 'h')
if redis.call('EXISTS', tombstone) == 0 then
    remove_waiter(lock, queue, id) -- it queued again, if its hold had ended by itself
    register_waiter(lock, queue, id, member_of(id, priority, ticket, waited), window, preempts, locker)
end
hand_over(lock, queue, true, id)
return { 'yielded', now }
