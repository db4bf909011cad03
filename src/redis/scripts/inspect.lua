-- Tells what a node has of a lock. It only reads: nothing is decided by it.
--
-- KEYS: node, lock, queue, tombstone
-- ARGV: run id, acquisition (none)
-- Reply: {inspected, time, how long the node does not vote yet (us), why, its deployment, holder, token, token of the hold
--         that was ended by force last, how many wait, and of the first 100 waiters the entries}
local m = redis.call('HMGET', KEYS[1], 'since', 'deployment', 'why')
local left = m[1] and math.max(0, m[1] + options.max_ttl - now) or options.max_ttl
local f = redis.call('HMGET', KEYS[2], 'h', 'n', 'f')
local reply = { 'inspected', now, left, m[3] or m[1] and 'restarted' or 'new', m[2] or '', f[1] or '', f[2] or 0, f[3] or 0,
    redis.call('ZCARD', KEYS[3]) }
for _, member in ipairs(redis.call('ZRANGE', KEYS[3], 0, 99)) do
    local entry = redis.call('HGET', KEYS[2], 'l' .. string.sub(member, 27))
    if entry then
        reply[#reply + 1] = entry
    end
end
return reply
