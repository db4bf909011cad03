-- Asks a node for the lock of a resource, or to keep it.
--
-- Keys: lock, queue, tombstone
-- Arguments: acquisition, '<priority> <locker>', count of calls, ttl (us), proposal of a token, and what matters only if
--            it is not free: '<ticket> <how long it has waited> <window of a reservation> <mode> <answered by a quorum>
--            <preempts>', the first three in us, wait, once or now, 1 or 0
-- Reply: {granted, time, token} | {waiting, time, how long it is not free yet (us), next in line (1, 0), holder, outranks}
--        | {refused, time} | {gone, time} | {quarantined, ...} | {mismatch, ...}
--        outranks is 1: the holder, which was told; 2: the holder, but one before it leaves that alone; 0: no
--
-- Idempotent: what is held is granted again with the same token, a later end and the higher of the two priorities, and an
-- entry of the queue is renewed. A notice is repeated. Nothing is granted without a write, so that a replica cannot vote.
local lock, queue, tombstone, id, who, call, ttl, proposal, terms = arguments()
include('guard')
local f = redis.call('HMGET', lock, 'h', 'n', 'v', 'q', 'x')
local counter, reservation, any, tombstones_until = f[2], f[3], f[4], f[5]
if tombstones_until and tonumber(tombstones_until) > now and redis.call('EXISTS', tombstone) == 1 then
    return { 'gone', now }
end

local ends = now + math.min(tonumber(ttl), options.max_ttl)
local holder, held_until, latest, held_by
if f[1] then
    holder, held_until, latest, held_by = string.match(f[1], '^(%S+) (%d+) (%d+) (.*)$')
    if tonumber(held_until) <= now then
        holder = nil
    end
end

if holder == id then
    if tonumber(string.match(who, '^%S+')) > tonumber(string.match(held_by, '^%S+')) then
        held_by = who
    end
    -- Never earlier than before: the holder counts on that until it knows that it has less, and this may have come late.
    local hold = string.format('%s %.0f %.0f ', id, math.max(held_until, ends), math.max(latest, call))
    redis.call('HSET', lock, 'h', hold .. held_by)
    redis.call('PEXPIRE', lock, options.keep)
    return { 'granted', now, counter }
end

if holder or reservation or any then
    include('waiters')
    local priority = string.match(who, '^%S+')
    local ticket, waited, window, mode, answered, preempts =
        string.match(terms, '^(%S+) (%d+) (%d+) (%a+) (%d) (%d)$')

    -- A waiter that has let its reservation lapse loses its place, unless it is the one that asks.
    local reserved, reserved_until
    if reservation then
        reserved, reserved_until = string.match(reservation, '^(%S+) (%d+)')
        if tonumber(reserved_until) <= now then
            if reserved ~= id then
                remove_waiter(lock, queue, reserved)
            end
            redis.call('HDEL', lock, 'v')
            reserved = nil
        end
    end

    local best, best_id, _, _, best_preempts = best_waiter(lock, queue, any)
    local place = best -- mine in the queue, if I have one
    if best_id ~= id then
        place = any and member_in(redis.call('HGET', lock, 'l' .. id) or '')
    end
    -- The ticket of a message that was long under way seems to be that of a wrong clock: the place that it gave is mended
    -- by the next, so that all nodes come to agree on who is first.
    local mine = member_of(id, priority, ticket, waited)
    if place and place < mine then
        mine = place
    end
    local first = not best or mine <= best
    local outranks = holder and preempts == '1' and tonumber(priority) > tonumber(string.match(held_by, '^%S+'))

    if holder or not first then
        if mode == 'now' or (mode == 'once' and not (outranks and first)) then
            if place then
                remove_waiter(lock, queue, id)
                if holder and preempts == '0' then
                    let_next_decide(lock, queue, string.match(held_by, '^%S+'))
                end
            end
            return { 'refused', now }
        end

        if place and place ~= mine then
            redis.call('ZREM', queue, place)
        end
        register_waiter(lock, queue, id, mine, window, preempts, string.match(who, '^%S+ (.*)$'))
        -- The first in line decides: nobody preempts from behind one that leaves the holder alone.
        local revokes = outranks and (first or best_preempts == '1')
        if revokes then
            tell(holder, 'notice ' .. holder .. ' ' .. id .. ' ' .. priority .. ' ' .. answered)
        end
        if not holder and not reserved then
            hand_over(lock, queue, true, nil)
        end
        -- When to ask again, for the one that is next: when the holder ends by itself, or the reservation of one that
        -- may be dead.
        local next_in_line, left = first, holder and held_until - now or 0
        if not holder and reserved then
            next_in_line = best_id == reserved and redis.call('ZRANGE', queue, 1, 1)[1] == mine
            left = tonumber(reserved_until) - now
        end
        return { 'waiting', now, left, next_in_line and 1 or 0, holder or '', revokes and 1 or outranks and 2 or 0 }
    end

    if place then
        redis.call('ZREM', queue, place)
    end
    redis.call('HDEL', lock, 'l' .. id, 'v')
end

-- It is free, and nobody ranks before.
local proposed = tonumber(proposal)
local token = math.max((counter or 0) + 1, since + 2 * options.skew + 1, math.min(proposed, now + options.skew),
    now - options.skew)
if token == proposed then
    token = proposal -- Redis would make this text of the number, which takes longer
end
redis.call('HSET', lock, 'h', string.format('%s %.0f %s ', id, ends, call) .. who, 'n', token)
redis.call('PEXPIRE', lock, options.keep)
return { 'granted', now, token }
