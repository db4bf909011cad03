-- The waiters of a resource: they are registered, ranked and woken. Each has an entry in the lock and a member in the queue.
-- The members are ordered by rank, so that the first is the best waiter.

-- The channel of the manager that an acquisition, '<client>-<number>', belongs to.
local function tell(id, message)
    redis.call('PUBLISH', options.channels .. string.match(id, '^[^-]*'), message)
end

-- A member is 10 digits for the priority, the highest first, 16 for the ticket, and the id. They are decimal since Lua
-- compares by the server's locale, of which some do not order the letters as Redis orders members. A ticket of a wrong
-- clock is brought into bounds.
local function member_of(id, priority, ticket, waited)
    local started = now - waited
    ticket = math.max(started - options.skew, math.min(tonumber(ticket), started + options.skew))
    return string.format('%010.0f%016.0f', 2147483647 - priority, ticket) .. id
end

local function id_of(member)
    return string.sub(member, 27)
end

-- The best waiter whose entry has not ended: member, id and window; the member of the next; and whether the best one
-- preempts (1, 0). Those before it are dropped. `any` is the field q.
local function best_waiter(lock, queue, any)
    while any do
        local two = redis.call('ZRANGE', queue, 0, 1)
        local member = two[1]
        if not member then
            redis.call('HDEL', lock, 'q')
            return nil
        end
        local id = id_of(member)
        local ends, window, preempts =
            string.match(redis.call('HGET', lock, 'l' .. id) or '0 0 - 0', '^(%d+) (%d+) %S+ (%d)')
        if tonumber(ends) > now then
            return member, id, tonumber(window), two[2], preempts
        end
        redis.call('ZREM', queue, member)
        redis.call('HDEL', lock, 'l' .. id)
    end
end

local function register_waiter(lock, queue, id, member, window, preempts, locker)
    redis.call('ZADD', queue, 0, member)
    redis.call('HSET', lock, 'l' .. id,
        string.format('%.0f %s %s %s ', now + options.entry_lease, window, member, preempts) .. locker, 'q', '1')
    redis.call('PEXPIRE', lock, options.keep)
    redis.call('PEXPIRE', queue, options.keep)
end

local function member_in(entry)
    return string.match(entry, '^%S+ %S+ (%S+)')
end

local function remove_waiter(lock, queue, id)
    local entry = redis.call('HGET', lock, 'l' .. id)
    if entry then
        redis.call('ZREM', queue, member_in(entry))
        redis.call('HDEL', lock, 'l' .. id)
    end
end

-- One that leaves the holder alone has gone: the next in line decides, and asks again if it has the holder go.
local function let_next_decide(lock, queue, priority_of_holder)
    local member, id, _, _, preempts = best_waiter(lock, queue, true)
    if preempts == '1' and 2147483647 - string.sub(member, 1, 10) > tonumber(priority_of_holder) then
        tell(id, 'wake ' .. id)
    end
end

-- The lock is free and reserved for nobody: reserves it for the best waiter, wakes it, and has the next one ask when
-- the reservation has lapsed. A yielder that is still the best is not woken by its own yield.
local function hand_over(lock, queue, any, yielder)
    local _, id, window, second = best_waiter(lock, queue, any)
    if not id or id == yielder then
        return
    end
    redis.call('HSET', lock, 'v', string.format('%s %.0f', id, now + window))
    tell(id, 'wake ' .. id)
    if second then
        tell(id_of(second), string.format('standby %s %.0f', id_of(second), window))
    end
end
