-- Sets up a node on which no key of a lock was found: it votes at once. The marker is what a client would make first.
--
-- KEYS: node
-- ARGV: run id
-- Reply: {provisioned, time} | {occupied, time} | {evicting, time, its policy}
include('eviction')
if evicting then
    return evicting
end
if redis.call('EXISTS', KEYS[1]) == 1 then
    return { 'occupied', now }
end
local run = ARGV[1]
redis.call('HSET', KEYS[1], 'run', run, 'since', 0, 'deployment', options.deployment, 'id',
    string.format('%s-%.0f', run, now), 'evicted', evicted)
return { 'provisioned', now }
