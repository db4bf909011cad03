-- Ends what an acquisition holds, for an operator, and has its manager told. It does not come back: the tombstone stands for
-- longer than its manager may still renew it.
--
-- KEYS: node, lock, queue, tombstone
-- ARGV: run id, acquisition, its token
-- Reply: {released, time} | {absent, time}
--
-- Idempotent: what another acquisition holds is left alone. It deletes first, and tells and hands over only after.
local lock, queue, tombstone, id, token = KEYS[2], KEYS[3], KEYS[4], ARGV[2], ARGV[3]
local f = redis.call('HMGET', lock, 'h', 'v', 'q', 'x')
local held = string.match(f[1] or '', '^%S+') == id
if held then
    redis.call('HDEL', lock, 'h')
end
local tombstone_ms = math.ceil(options.max_ttl / 1000)
redis.call('SET', tombstone, '1', 'PX', tombstone_ms)
redis.call('HSET', lock, 'f', token, 'x', math.max(f[4] or 0, now + 1000 * tombstone_ms))
redis.call('PEXPIRE', lock, options.keep)
include('waiters')
tell(id, 'ended ' .. id)
if held and f[3] and not f[2] then
    hand_over(lock, queue, f[3], nil)
end
return { held and 'released' or 'absent', now }
