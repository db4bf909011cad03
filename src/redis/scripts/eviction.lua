-- What the server says of eviction: how many keys it has evicted since its start, and whether it may.
local function info(section, name)
    return string.match(redis.call('INFO', section), '\n' .. name .. ':([^\r\n]*)')
end
local policy, evicted = info('memory', 'maxmemory_policy'), tonumber(info('stats', 'evicted_keys'))
local evicting = policy ~= 'noeviction'
    and { 'evicting', now, (policy or '') .. ' (maxmemory ' .. (info('memory', 'maxmemory') or '') .. ')' }
