-- Writes the token of a grant back: the greatest that a node gave it, where a smaller one was given.
--
-- Keys: lock, queue, tombstone
-- Arguments: acquisition, token
-- Reply: {written_back, time} | {refused, time} | {quarantined, ...} | {mismatch, ...}
--
-- Idempotent: a counter only rises. It confirms only with a write.
local lock, queue, tombstone, id, token = arguments()
include('guard')
local f = redis.call('HMGET', lock, 'h', 'n')
local holder, held_until = string.match(f[1] or '', '^(%S+) (%d+)')
if holder ~= id or tonumber(held_until) <= now then
    return { 'refused', now }
end
-- A late one, of an earlier grant to the same acquisition, sets nothing back.
redis.call('HSET', lock, 'n', math.max(tonumber(f[2]), tonumber(token)))
redis.call('PEXPIRE', lock, options.keep)
return { 'written_back', now }
