-- Sets up a node that has been seen empty together with all the others: it votes at once.
--
-- KEYS: node
-- ARGV: run id, nonce
-- Reply: {ready, time, who it is} | {unborn, time}
--
-- Idempotent: only a node that is still unborn, with the nonce that was seen, is set up.
local node, run, nonce = KEYS[1], ARGV[1], ARGV[2]
local m = redis.call('HMGET', node, 'run', 'nonce', 'id')
if not m[1] then
    if m[2] ~= nonce then
        return { 'unborn', now }
    end
    redis.call('HDEL', node, 'nonce')
    redis.call('HSET', node, 'run', run, 'since', '0', 'deployment', options.deployment, 'id', nonce)
end
return { 'ready', now, options.guard == 'durable' and (m[3] or nonce) or run }
