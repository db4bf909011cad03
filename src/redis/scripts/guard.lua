-- Whether this node may vote: it has not forgotten anything since it was set up or restarted longer ago than the longest
-- ttl, and its clients agree on the deployment. One run asks only once.
if options.guard == 'off' then
    since = 0
end
if not since then
    local node, run = KEYS[1], ARGV[1]
    local m = redis.call('HMGET', node, 'run', 'since', 'deployment')
    if not m[1] or (m[1] ~= run and options.guard ~= 'durable') then
        local deployment = m[3] or options.deployment -- a restart does not make it another's
        redis.call('DEL', node)
        redis.call('HSET', node, 'run', run, 'since', now, 'deployment', deployment)
        m = { run, now, deployment }
    elseif m[1] ~= run then
        redis.call('HSET', node, 'run', run)
    end
    if m[3] ~= options.deployment then
        return { 'mismatch', now, m[3] }
    end
    local left = m[2] + options.max_ttl - now
    if left > 0 then
        return { 'quarantined', now, left }
    end
    since = tonumber(m[2])
end
