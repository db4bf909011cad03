-- Greets a node, which says whether it votes. A client does so when it has connected, while the node does not vote, and
-- every few seconds while it does. If the node may have forgotten locks, its quarantine starts, for all clients.
--
-- KEYS: node
-- ARGV: run id, the identity of the server that the client met last at this address (or none), how long ago (us)
-- Reply: {ready, time, identity} | {quarantined, time, left (us), 
--          why: restarted, empty, evicted or changed, identity} | {mismatch, time, its deployment}
--        | {evicting, time, its policy}
--
-- Idempotent: a quarantine that has started goes on. It says ready only after a write, which a replica and a node without
-- memory refuse.
local node = KEYS[1]
include('eviction')
local me = ''

if options.guard ~= 'off' then
    include('marker')
    me = identity
    if m[3] == options.deployment then
        local f = redis.call('HMGET', node, 'evicted', 'before')
        local counted = tonumber(f[1] or evicted)
        if m[1] ~= run or counted > evicted then
            counted = 0 -- the server counts from its start, and from a CONFIG RESETSTAT
        end
        redis.call('HSET', node, 'evicted', evicted)

        -- What another server granted here lasts for the longest ttl. That was seen to already if this one stood in for
        -- it since. Who has not been here for so long may have missed a restart, and cannot tell.
        local last_identity, left_at = ARGV[2], now - ARGV[3]
        local changed = last_identity ~= '' and last_identity ~= identity and left_at + options.max_ttl > now
            and not (f[2] == last_identity and tonumber(m[2]) >= left_at)
        if changed then
            redis.call('HSET', node, 'before', last_identity)
        end
        if changed or evicted > counted then
            if m[2] + options.max_ttl <= now then
                redis.call('HSET', node, 'why', changed and 'changed' or 'evicted')
            end
            redis.call('HSET', node, 'since', now)
        end
    end
end
if evicting then
    return evicting
end
include('guard')
redis.call('HSET', node, 'asked', now)
return { 'ready', now, me }
