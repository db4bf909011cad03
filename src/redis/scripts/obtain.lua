-- Asks a node for the lock of a resource, or to keep it.
--
-- KEYS: lock, queue, tomb, node
-- ARGV: 1 acquisition, 2 priority as rank (8 hexadecimal digits, the highest first), 3 ticket (us), 4 waited so far (us),
--       5 locker, 6 priority, 7 count of calls, 8 ttl (us), 9 proposal of a token, 10 mode (wait, once, now),
--       11 answered by a quorum (1, 0), 12 takeover after (us, or -1), 13 how long an entry of the queue lasts (us),
--       14 window of a reservation (us), 15 channels' prefix, 16 run id, 17 deployment, 18 longest ttl (us), 19 guard,
--       20 skew (us)
-- Reply: {granted, time, token} | {waiting, time, how long it is not free yet (us), next in line (1, 0), holder, outranks (1, 0)}
--        | {refused, time} | {gone, time} | {quarantined, ...} | {mismatch, ...}
--
-- Idempotent: what is held is granted again with the same token and a later end, and an entry of the queue is renewed.
-- A notice is repeated. Nothing is granted without a write, so that a replica cannot vote.
local lock, queue, tomb, node = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, priority, mode, channels = ARGV[1], tonumber(ARGV[6]), ARGV[10], ARGV[15]
local max_ttl, skew = tonumber(ARGV[18]), tonumber(ARGV[20])

local refused, since = refusal(node, ARGV[16], ARGV[17], max_ttl, ARGV[19])
if refused then
    return refused
end
if redis.call('EXISTS', tomb) == 1 then
    return { 'gone', text(now) }
end

local keep = math.ceil((max_ttl + 4 * skew) / 1000)
local ends = now + math.min(tonumber(ARGV[8]), max_ttl)
local f = redis.call('HMGET', lock, 'h', 'u', 'y', 'g', 't', 'n', 'v', 'w', 'b', 's')
local holder = f[1] and tonumber(f[2]) > now and f[1]

if holder == id then
    -- Never earlier than before: the holder counts on that until it knows that it has less, and this may have come late.
    redis.call('HSET', lock, 'u', text(math.max(tonumber(f[2]), ends)), 'g', text(math.max(tonumber(f[4]), tonumber(ARGV[7]))))
    redis.call('PEXPIRE', lock, keep)
    return { 'granted', text(now), f[5] }
end

-- A waiter that has let its reservation lapse loses its place, unless it is the one that asks.
local reserved = f[7]
if reserved and tonumber(f[8]) <= now then
    if reserved ~= id then
        forget_waiter(lock, queue, reserved)
    end
    redis.call('HDEL', lock, 'v', 'w')
    reserved = false
end

-- A ticket of a wrong clock is brought into bounds. A message that was long under way seems to have one: the place that it
-- gave is mended by the next, so that all nodes come to agree on who is first.
local place
local function my_member()
    local entry = redis.call('HGET', lock, 'l' .. id)
    place = entry and string.match(entry, '%S+$')
    local started = now - tonumber(ARGV[4])
    local ticket = math.max(started - skew, math.min(tonumber(ARGV[3]), started + skew))
    local member = ARGV[2] .. string.format('%016x', ticket) .. id
    return place and place < member and place or member
end

local best = best_waiter(lock, queue)
local mine = best and my_member()
local first = not best or mine <= best
local outranks = holder and priority > tonumber(f[3])
local taken_over = outranks and first and ARGV[11] == '1' and tonumber(ARGV[12]) >= 0 and f[9]
    and now - tonumber(f[10]) >= tonumber(ARGV[12])

if (not holder and first) or taken_over then
    local told = tonumber(f[6] or 0)
    local floor = since + 2 * skew
    local token = text(math.max(told + 1, floor + 1, math.min(tonumber(ARGV[9]), now + skew), now - skew))
    if best then
        forget_waiter(lock, queue, id)
    end
    if f[7] or f[9] then
        redis.call('HDEL', lock, 'v', 'w', 'b', 's')
    end
    redis.call('HSET', lock, 'h', id, 'k', ARGV[5], 'y', ARGV[6], 'u', text(ends), 'g', ARGV[7], 't', token, 'n', token)
    redis.call('PEXPIRE', lock, keep)
    return { 'granted', text(now), token }
end

if mode == 'now' or (mode == 'once' and not (outranks and first)) then
    if redis.call('HEXISTS', lock, 'l' .. id) == 1 then
        forget_waiter(lock, queue, id)
    end
    return { 'refused', text(now) }
end

mine = mine or my_member()
if place and place ~= mine then
    redis.call('ZREM', queue, place)
end
redis.call('ZADD', queue, 0, mine)
redis.call('HSET', lock, 'l' .. id, text(now + tonumber(ARGV[13])) .. ' ' .. ARGV[14] .. ' ' .. mine)
redis.call('PEXPIRE', lock, keep)
redis.call('PEXPIRE', queue, keep)
if outranks then
    if not f[9] then
        redis.call('HSET', lock, 'b', id, 's', text(now))
    end
    tell(channels, holder, 'notice ' .. holder .. ' ' .. id .. ' ' .. ARGV[6] .. ' ' .. ARGV[11])
end
if not holder and not reserved then
    hand_on(lock, queue, channels, nil)
end
-- When to ask again, for the one that is next: when the holder ends by itself, or the reservation of one that may be dead.
local next_in_line, left = first, holder and tonumber(f[2]) - now or 0
if not holder and reserved then
    next_in_line = best_id == reserved and redis.call('ZRANGE', queue, 1, 1)[1] == mine
    left = tonumber(f[8]) - now
end
return { 'waiting', text(now), text(left), next_in_line and '1' or '0', holder or '', outranks and '1' or '0' }
