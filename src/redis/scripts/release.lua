-- Ends all that an acquisition has on a node: what it holds, its place in the queue, what is reserved for it.
--
-- Keys: lock, queue, tombstone
-- Arguments: acquisition, count of calls, how long a late obtain of it must be ignored (ms, 0: none can come)
-- Reply: {released, time} | {absent, time}
--
-- Idempotent: what is not there is not released; what is of another, or was obtained by a later call, is left alone. It
-- deletes first and hands over only after, so that a failure in between cannot leave the holder with a lock that is
-- another's.
local lock, queue, tombstone, id, call, tombstone_ms = arguments()
local f = redis.call('HMGET', lock, 'h', 'v', 'q')
local reservation, any = f[2], f[3]
local entry = any and redis.call('HGET', lock, 'l' .. id)
local holder, held_until, latest, priority = string.match(f[1] or '', '^(%S+) (%d+) (%d+) (%S+)')
local held = holder == id and tonumber(latest) <= tonumber(call)
if held then
    redis.call('HDEL', lock, 'h')
end
if entry then
    redis.call('ZREM', queue, string.match(entry, '^%S+ %S+ (%S+)'))
    redis.call('HDEL', lock, 'l' .. id)
end
local reserved, reserved_until
if reservation then
    reserved, reserved_until = string.match(reservation, '^(%S+) (%d+)')
    if reserved == id then
        redis.call('HDEL', lock, 'v')
    end
end
if tombstone_ms ~= '0' then
    redis.call('SET', tombstone, '1', 'PX', tombstone_ms)
    redis.call('HSET', lock, 'x', math.max(redis.call('HGET', lock, 'x') or 0, now + 1000 * tombstone_ms))
    redis.call('PEXPIRE', lock, options.keep)
end
local free = held or not holder or tonumber(held_until) <= now
local for_another = reserved and reserved ~= id and tonumber(reserved_until) > now
local freed = any and free and not for_another and (held or reserved or entry)
local let_be = entry and not free and string.match(entry, '^%S+ %S+ %S+ (%d)') == '0'
if freed or let_be then
    include('waiters')
    if freed then
        hand_over(lock, queue, any, nil)
    else
        let_next_decide(lock, queue, priority)
    end
end
return { (held or entry) and 'released' or 'absent', now }
