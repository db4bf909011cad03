-- Scans for keys of locks on a node that is to be provisioned, at some of the server's keys at a time: a large server is
-- not held up.
--
-- KEYS: node
-- ARGV: run id, where the scan goes on (0: it begins), a pattern of the keys
-- Reply: {scanned, time, where the scan goes on (0: it is complete), a key that was found, if any}
--        | {evicting, time, its policy}
include('eviction')
if evicting then
    return evicting
end
local found = redis.call('SCAN', ARGV[2], 'MATCH', ARGV[3], 'COUNT', 1000)
return { 'scanned', now, found[1], found[2][1] }
