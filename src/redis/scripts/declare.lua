-- Sets up a node that has been seen empty together with all the others: it votes at once.
--
-- KEYS: node
-- ARGV: run id, nonce
-- Reply: {ready, time} | {unborn, time}
--
-- Idempotent: only a node that is still unborn, with the nonce that was seen, is set up.
local node = KEYS[1]
local m = redis.call('HMGET', node, 'run', 'nonce')
if m[1] or m[2] ~= ARGV[2] then
    return { m[1] and 'ready' or 'unborn', now }
end
redis.call('DEL', node)
redis.call('HSET', node, 'run', ARGV[1], 'since', '0', 'deployment', options.deployment)
return { 'ready', now }
