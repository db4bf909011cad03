-- Ends all that an acquisition has on a node: what it holds, its place in the queue, what is reserved for it.
--
-- Keys: lock, queue, tomb
-- Arguments: acquisition, count of calls, how long a late obtain of it must be ignored (ms, 0: none can come)
-- Reply: {released, time} | {absent, time}
--
-- Idempotent: what is not there is not released; what is of another, or was obtained by a later call, is left alone. It
-- deletes first and hands on only after, so that a failure in between cannot leave the holder with a lock that is handed
-- on.
local lock, queue, tomb, id, call, buried = arguments()
local f = redis.call('HMGET', lock, 'h', 'v', 'q')
local reservation, any = f[2], f[3]
local entry = any and redis.call('HGET', lock, 'l' .. id)
local holder, held_until, latest = string.match(f[1] or '', '^(%S+) (%d+) (%d+)')
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
if buried ~= '0' then
    redis.call('SET', tomb, '1', 'PX', buried)
    redis.call('HSET', lock, 'x', math.max(redis.call('HGET', lock, 'x') or 0, now + 1000 * buried))
    redis.call('PEXPIRE', lock, options.keep)
end
local free = held or not holder or tonumber(held_until) <= now
local for_another = reserved and reserved ~= id and tonumber(reserved_until) > now
if any and free and not for_another and (held or reserved or entry) then
    include('waiters')
    hand_on(lock, queue, any, nil)
end
return { (held or entry) and 'released' or 'absent', now }
