-- Writes the token of a grant, the largest that a quorum gave it, where a smaller one was given.
--
-- KEYS: lock, node
-- ARGV: 1 acquisition, 2 token, 3 run id
-- Reply: {settled, time} | {refused, time} | {quarantined, ...} | {mismatch, ...}
--
-- Idempotent: a counter only rises. It confirms only with a write.
local lock = KEYS[1]
local refused = refusal(KEYS[2], ARGV[3])
if refused then
    return refused
end
local f = redis.call('HMGET', lock, 'h', 'u', 'n', 't')
if f[1] ~= ARGV[1] or tonumber(f[2]) <= now then
    return { 'refused', now }
end
-- A late one, of an earlier grant to the same acquisition, sets nothing back.
local token = tonumber(ARGV[2])
redis.call('HSET', lock, 't', math.max(tonumber(f[4]), token), 'n', math.max(tonumber(f[3]), token))
redis.call('PEXPIRE', lock, keep)
return { 'settled', now }
