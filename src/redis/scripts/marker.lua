-- The marker of this node. There is a new one where there was none, and where the server was restarted, unless it keeps
-- everything: it may have forgotten locks. The identity of a server that keeps everything is that of its marker, of another
-- one it is the run id.
local run = ARGV[1]
local m = redis.call('HMGET', KEYS[1], 'run', 'since', 'deployment', 'id', 'why')
if not m[1] or (m[1] ~= run and options.guard ~= 'durable') then
    local id = string.format('%s-%.0f', run, now)
    local deployment = m[3] or options.deployment -- a restart does not make it another's
    redis.call('DEL', KEYS[1])
    local why = m[1] and 'restarted' or 'empty'
    redis.call('HSET', KEYS[1], 'run', run, 'since', now, 'deployment', deployment, 'id', id, 'before', m[1] or '',
        'why', why)
    m = { run, now, deployment, id, why }
elseif m[1] ~= run then
    redis.call('HSET', KEYS[1], 'run', run)
end
local identity = options.guard == 'durable' and (m[4] or '') or run
