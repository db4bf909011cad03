-- Asks a node for the lock of a resource, or to keep it.
--
-- KEYS: lock, queue, tomb, node
-- ARGV: 1 acquisition, 2 priority, 3 ticket (us), 4 waited so far (us), 5 locker, 6 count of calls, 7 ttl (us),
--       8 proposal of a token, 9 mode (wait, once, now), 10 answered by a quorum (1, 0), 11 window of a reservation (us),
--       12 run id
-- Reply: {granted, time, token} | {waiting, time, how long it is not free yet (us), next in line (1, 0), holder, outranks (1, 0)}
--        | {refused, time} | {gone, time} | {quarantined, ...} | {mismatch, ...}
--
-- Idempotent: what is held is granted again with the same token and a later end, and an entry of the queue is renewed.
-- A notice is repeated. Nothing is granted without a write, so that a replica cannot vote.
local lock, queue, tomb, node = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, priority, mode = ARGV[1], tonumber(ARGV[2]), ARGV[9]

local refused, since = refusal(node, ARGV[12])
if refused then
    return refused
end
local f = redis.call('HMGET', lock, 'h', 'u', 'y', 'g', 't', 'n', 'v', 'w', 'b', 's', 'q', 'x')
if f[12] and tonumber(f[12]) > now and redis.call('EXISTS', tomb) == 1 then
    return { 'gone', now }
end

local ends = now + math.min(tonumber(ARGV[7]), max_ttl)
local holder = f[1] and tonumber(f[2]) > now and f[1]

if holder == id then
    -- Never earlier than before: the holder counts on that until it knows that it has less, and this may have come late.
    redis.call('HSET', lock, 'u', math.max(tonumber(f[2]), ends), 'g', math.max(tonumber(f[4]), tonumber(ARGV[6])))
    redis.call('PEXPIRE', lock, keep)
    return { 'granted', now, f[5] }
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

-- The ticket of a message that was long under way seems to be that of a wrong clock: the place that it gave is mended by
-- the next, so that all nodes come to agree on who is first.
local place
local function my_member()
    local entry = redis.call('HGET', lock, 'l' .. id)
    place = entry and string.match(entry, '%S+$')
    local member = member_of(id, priority, tonumber(ARGV[3]), ARGV[4])
    return place and place < member and place or member
end

local best, best_id = best_waiter(lock, queue, f[11])
local mine = best and my_member()
local first = not best or mine <= best
local outranks = holder and priority > tonumber(f[3])
local taken_over = outranks and first and ARGV[10] == '1' and takeover_after >= 0 and f[9]
    and now - tonumber(f[10]) >= takeover_after

if (not holder and first) or taken_over then
    local told = tonumber(f[6] or 0)
    local floor = since + 2 * skew
    local token = math.max(told + 1, floor + 1, math.min(tonumber(ARGV[8]), now + skew), now - skew)
    if best then
        forget_waiter(lock, queue, id)
    end
    if f[7] or f[9] then
        redis.call('HDEL', lock, 'v', 'w', 'b', 's')
    end
    redis.call('HSET', lock, 'h', id, 'k', ARGV[5], 'y', ARGV[2], 'u', ends, 'g', ARGV[6], 't', token, 'n', token)
    redis.call('PEXPIRE', lock, keep)
    return { 'granted', now, token }
end

if mode == 'now' or (mode == 'once' and not (outranks and first)) then
    if redis.call('HEXISTS', lock, 'l' .. id) == 1 then
        forget_waiter(lock, queue, id)
    end
    return { 'refused', now }
end

mine = mine or my_member()
if place and place ~= mine then
    redis.call('ZREM', queue, place)
end
remember_waiter(lock, queue, id, mine, ARGV[11])
if outranks then
    if not f[9] then
        redis.call('HSET', lock, 'b', id, 's', now)
    end
    tell(holder, 'notice ' .. holder .. ' ' .. id .. ' ' .. ARGV[2] .. ' ' .. ARGV[10])
end
if not holder and not reserved then
    hand_on(lock, queue, true, nil)
end
-- When to ask again, for the one that is next: when the holder ends by itself, or the reservation of one that may be dead.
local next_in_line, left = first, holder and tonumber(f[2]) - now or 0
if not holder and reserved then
    next_in_line = best_id == reserved and redis.call('ZRANGE', queue, 1, 1)[1] == mine
    left = tonumber(f[8]) - now
end
return { 'waiting', now, left, next_in_line and 1 or 0, holder or '', outranks and 1 or 0 }
