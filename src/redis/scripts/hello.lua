-- Looks whether a node votes, when a connection to it has been made and while it does not. Starts its quarantine if it has
-- been restarted.
--
-- KEYS: node
-- ARGV: run id, trust (1: an empty node is not quarantined but given a nonce), nonce
-- Reply: {ready, time} | {quarantined, time, left (us)} | {mismatch, time, its deployment} | {unborn, time, nonce}
--
-- Idempotent: a quarantine that has started goes on, and a nonce that is set stays. It says ready only after a write, which
-- a replica and a node without memory refuse.
local node = KEYS[1]
if options.guard ~= 'off' and ARGV[2] == '1' and redis.call('HEXISTS', node, 'run') == 0 then
    redis.call('HSETNX', node, 'nonce', ARGV[3])
    return { 'unborn', now, redis.call('HGET', node, 'nonce') }
end
include('guard')
redis.call('HSET', node, 'asked', now)
return { 'ready', now }
