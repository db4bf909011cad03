-- What all scripts begin with: the node's time, the guard, ranks, the queue. It is put before each of them, and before it
-- the options that do not change (script_calls.cpp): `channels`, the prefix of the clients' channels; `deployment`, what its
-- clients agree on; `guard`: on, durable or off; `max_ttl`, `skew`, `entry_lease`, how long an entry of the queue lasts, and
-- `takeover_after`, or -1, in microseconds; `keep`, how long keys are kept after the last write, in milliseconds.
--
-- Keys of a resource, which share one hash tag:
--   lock  hash   h k y u g t: the holder's acquisition, locker, priority, end, latest call and token
--                n            the fencing counter, the largest token so far
--                b s          the thief that the holder was told of first, and when
--                v w          the waiter for whom the free lock is reserved, and until when
--                l<id>        a waiter: the end of its entry, its window and its member of the queue
--                q            there may be waiters
--                x            until when there may be a tomb
--   queue zset   the waiters, all with the score 0, so that they are ordered by their members: rank, then id
--   tomb  string exists while a late obtain of an acquisition that was given up must be ignored
--
-- Of a node:
--   node  hash   run since deployment: the server's run id, since when, and what its clients agree on
--                nonce: of a node that has not been set up; asked: when a client last saw that it votes
--
-- A client counts its calls to a node. What was sent earlier can still arrive later, over a connection that it has given
-- up: a yield or a release that is older than the latest obtain of the holder leaves the hold alone.
--
-- All times are microseconds of the node's clock. As numbers they are exact, below 2^53, also as arguments and replies of
-- commands; but not when Lua makes a string of them, for which there is `text`. The keys of a resource expire some time
-- after the last write, when nothing in them can matter any more; what decides are the times inside.
local function text(number)
    return string.format('%.0f', number)
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

-- The channel of the manager that an acquisition, '<client>-<number>', belongs to.
local function tell(id, message)
    redis.call('PUBLISH', channels .. string.match(id, '^[^-]*'), message)
end

-- A member is 8 digits for the priority, the highest first, 16 for the ticket, and the id. A ticket of a wrong clock is
-- brought into bounds.
local function member_of(id, priority, ticket, waited)
    local started = now - waited
    ticket = math.max(started - skew, math.min(ticket, started + skew))
    return string.format('%08x%016x', 2147483647 - priority, ticket) .. id
end

local function id_of(member)
    return string.sub(member, 25)
end

-- The best waiter whose entry has not ended: member, id and window. Those before it are dropped. `any` is the field q.
local function best_waiter(lock, queue, any)
    while any do
        local member = redis.call('ZRANGE', queue, 0, 0)[1]
        if not member then
            redis.call('HDEL', lock, 'q')
            return nil
        end
        local id = id_of(member)
        local ends, window = string.match(redis.call('HGET', lock, 'l' .. id) or '0 0', '^(%d+) (%d+)')
        if tonumber(ends) > now then
            return member, id, tonumber(window)
        end
        redis.call('ZREM', queue, member)
        redis.call('HDEL', lock, 'l' .. id)
    end
end

local function remember_waiter(lock, queue, id, member, window)
    redis.call('ZADD', queue, 0, member)
    redis.call('HSET', lock, 'l' .. id, text(now + entry_lease) .. ' ' .. window .. ' ' .. member, 'q', '1')
    redis.call('PEXPIRE', lock, keep)
    redis.call('PEXPIRE', queue, keep)
end

local function forget_waiter(lock, queue, id)
    local entry = redis.call('HGET', lock, 'l' .. id)
    if entry then
        redis.call('ZREM', queue, string.match(entry, '%S+$'))
        redis.call('HDEL', lock, 'l' .. id)
    end
    return entry
end

-- The lock is free and reserved for nobody: reserves it for the best waiter, wakes it, and has the next one ask when the
-- reservation has lapsed. A yielder that is still the best is not woken by its own yield.
local function hand_on(lock, queue, any, yielder)
    local _, id, window = best_waiter(lock, queue, any)
    if not id or id == yielder then
        return
    end
    redis.call('HSET', lock, 'v', id, 'w', now + window)
    tell(id, 'wake ' .. id)
    local second = redis.call('ZRANGE', queue, 1, 1)[1]
    if second then
        tell(id_of(second), 'standby ' .. id_of(second) .. ' ' .. text(window))
    end
end

-- Whether this node may vote: it has not forgotten anything since it was set up or restarted longer ago than the longest
-- ttl, and its clients agree on the deployment. Gives the reply that refuses, or nil and when its marker was set.
local function refusal(node, run)
    if guard == 'off' then
        return nil, 0
    end
    local m = redis.call('HMGET', node, 'run', 'since', 'deployment')
    if not m[1] or (m[1] ~= run and guard ~= 'durable') then
        redis.call('DEL', node)
        redis.call('HSET', node, 'run', run, 'since', now, 'deployment', deployment)
        m = { run, now, deployment }
    elseif m[1] ~= run then
        redis.call('HSET', node, 'run', run)
    end
    if m[3] ~= deployment then
        return { 'mismatch', now, m[3] }
    end
    local left = tonumber(m[2]) + max_ttl - now
    if left > 0 then
        return { 'quarantined', now, left }
    end
    return nil, tonumber(m[2])
end
