-- Runs the commands on locks that a client sends together, each as if it had come alone. `commands` are their functions,
-- by name.
--
-- KEYS: node, and of each command its lock, queue and tombstone
-- ARGV: run id, and of each command its name and its arguments
-- Reply: {the reply to each command, or its error}
--
-- Idempotent as each of them is. One that fails, for a key of a type that is none of ours or a node that may not write,
-- does not keep the others from being run.
local counts = { obtain = 6, yield = 7, release = 3, write_back = 2 } -- of arguments
local replies = {}
local at = 2
for key = 2, #KEYS, 3 do
    local name = ARGV[at]
    local last = at + counts[name]
    local done, reply = pcall(commands[name], KEYS[key], KEYS[key + 1], KEYS[key + 2], unpack(ARGV, at + 1, last))
    if not done then
        reply = { err = type(reply) == 'table' and reply.err or reply } -- servers before 7 throw the text
    end
    replies[#replies + 1] = reply
    at = last + 1
end
return replies
