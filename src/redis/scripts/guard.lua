-- Whether this node may vote: it has not forgotten anything since it was set up or restarted longer ago than the longest
-- ttl, and its clients agree on the deployment. One run asks only once.
if options.guard == 'off' then
    since = 0
end
if not since then
    include('marker')
    if m[3] ~= options.deployment then
        return { 'mismatch', now, m[3] }
    end
    local left = m[2] + options.max_ttl - now
    if left > 0 then
        return { 'quarantined', now, left, m[5] or 'restarted', identity }
    end
    since = tonumber(m[2])
end
