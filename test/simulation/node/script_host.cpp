// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Lua is compiled as C: its errors jump over the frames between. So what a script calls is in two parts: a C function
// with nothing to be destroyed, which raises, and what it calls before that, which catches all exceptions and raises
// nothing but for want of memory.

#include "simulation/node/script_host.hpp"

#include <lua.hpp>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <stdexcept>
#include <unordered_map>
#include <utility>

namespace test {

namespace {

using words = std::span<const std::string_view>;

/// Of a run, while it lasts.
struct run_state
{
    server_state* server = nullptr;
    std::int64_t now = 0; // us
    std::vector<published_message>* published = nullptr;
    bool has_written = false;
    std::string unsupported{}; // what it asked for that is not there
    bool lacks_something = false;
};

/// Memory of one state of Lua, which makes and drops some fifty small texts and tables a run. Blocks of one size are
/// used again at once: that takes a third of the time of the standard allocator.
class lua_memory
{
public:
    /// As lua_Alloc: `state` is the lua_memory.
    static void* allocate(void* state, void* block, std::size_t old_size, std::size_t new_size) noexcept
    {
        auto& self = *static_cast<lua_memory*>(state);
        const std::size_t old_class = class_of(old_size), new_class = class_of(new_size);
        if (block && old_class == new_class && new_class != large)
            return block;
        if (old_class == large && new_class == large)
            return std::realloc(block, new_size); // null: there is none
        void* const result = new_size == 0 ? nullptr : self.take(new_class, new_size);
        if (block && (result || new_size == 0)) {
            if (result)
                std::memcpy(result, block, std::min(old_size, new_size));
            self.give_back(old_class, block);
        }
        return result;
    }

    lua_memory() = default;
    lua_memory(const lua_memory&) = delete;
    lua_memory& operator=(const lua_memory&) = delete;

private:
    static constexpr std::size_t step = 16, classes = 32, large = classes + 1; // class n has blocks of n steps

    struct free_block
    {
        free_block* next;
    };

    static std::size_t class_of(std::size_t size) noexcept
    {
        return size <= step * classes ? (size + step - 1) / step : large;
    }

    void* take(std::size_t size_class, std::size_t size) noexcept
    {
        if (size_class == large)
            return std::malloc(size);
        if (free_block* const found = free_[size_class]) {
            free_[size_class] = found->next;
            return found;
        }
        if (rest_ < size_class) {
            constexpr std::size_t chunk = 4096; // steps
            try {
                chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(chunk * step));
            } catch (const std::bad_alloc&) {
                return nullptr;
            }
            rest_ = chunk;
            next_ = chunks_.back().get();
        }
        rest_ -= size_class;
        return std::exchange(next_, next_ + size_class * step);
    }

    void give_back(std::size_t size_class, void* block) noexcept
    {
        if (size_class == large)
            std::free(block);
        else
            free_[size_class] = ::new (block) free_block{free_[size_class]};
    }

    std::array<free_block*, classes + 1> free_{};
    std::vector<std::unique_ptr<std::byte[]>> chunks_;
    std::byte* next_ = nullptr;
    std::size_t rest_ = 0; // steps from there on
};

struct unsupported : std::logic_error
{
    using logic_error::logic_error;
};

std::string sha1(std::string_view text)
{
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    if (EVP_Digest(text.data(), text.size(), bytes.data(), &size, EVP_sha1(), nullptr) != 1)
        throw std::runtime_error("no SHA-1");
    std::string result;
    for (unsigned i = 0; i < size; ++i) {
        constexpr std::string_view digits = "0123456789abcdef";
        result += digits[bytes[i] >> 4];
        result += digits[bytes[i] & 15];
    }
    return result;
}

void push(lua_State* lua, std::string_view text)
{
    lua_pushlstring(lua, text.data(), text.size());
}

std::string_view text_at(lua_State* lua, int index)
{
    std::size_t size = 0;
    const char* const text = lua_tolstring(lua, index, &size);
    return {text, size};
}

/// {err = text}, as errors of commands are raised.
void push_error(lua_State* lua, std::string_view text)
{
    lua_createtable(lua, 0, 1);
    push(lua, text);
    lua_setfield(lua, -2, "err");
}

// --- replies ---------------------------------------------------------------------------------------------------------

void add_number(std::string& reply, char kind, std::int64_t n)
{
    std::array<char, 24> digits{};
    reply += kind;
    reply.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr);
    reply += "\r\n";
}

/// As the processors of servers convert it, for which the language has no rule beyond 64 bits.
std::int64_t truncated(double n) noexcept
{
    constexpr double limit = 9223372036854775808.0;
    return n >= -limit && n < limit ? static_cast<std::int64_t>(n) : std::numeric_limits<std::int64_t>::min();
}

/// Whether the table on top has this field with a text, which is then on top.
bool push_text_of(lua_State* lua, const char* field)
{
    lua_pushstring(lua, field);
    lua_rawget(lua, -2);
    if (lua_type(lua, -1) == LUA_TSTRING)
        return true;
    lua_pop(lua, 1);
    return false;
}

/// What is on top, and stays there.
void add_value(lua_State* lua, std::string& reply, int depth)
{
    switch (lua_type(lua, -1)) {
    case LUA_TSTRING: add_bulk(reply, text_at(lua, -1)); return;
    case LUA_TNUMBER: add_number(reply, ':', truncated(lua_tonumber(lua, -1))); return;
    case LUA_TBOOLEAN:
        if (lua_toboolean(lua, -1)) {
            reply += ":1\r\n";
            return;
        }
        break;
    case LUA_TTABLE:
        if (depth > 50 || !lua_checkstack(lua, 4))
            throw unsupported("a reply that is nested so deeply");
        if (push_text_of(lua, "err")) {
            add_error(reply, text_at(lua, -1));
            lua_pop(lua, 1);
            return;
        }
        if (push_text_of(lua, "ok")) {
            add_status(reply, text_at(lua, -1));
            lua_pop(lua, 1);
            return;
        }
        {
            int count = 0;
            for (;; ++count) {
                lua_rawgeti(lua, -1, count + 1);
                const bool ends = lua_isnil(lua, -1);
                lua_pop(lua, 1);
                if (ends)
                    break;
            }
            add_number(reply, '*', count);
            for (int i = 1; i <= count; ++i) {
                lua_rawgeti(lua, -1, i);
                add_value(lua, reply, depth + 1);
                lua_pop(lua, 1);
            }
        }
        return;
    default: break;
    }
    reply += "_\r\n";
}

// --- commands --------------------------------------------------------------------------------------------------------

constexpr const char* not_an_integer = "ERR value is not an integer or out of range";

std::int64_t integer(std::string_view text)
{
    if (const auto n = redis_integer(text))
        return *n;
    throw redis_error(not_an_integer);
}

/// Whether a text is a word, in small or capital letters.
bool same_word(std::string_view capitals, std::string_view text) noexcept
{
    return std::ranges::equal(capitals, text, {}, {},
                              [](char c) { return 'a' <= c && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
}

void push_field(lua_State* lua, const redis_store& data, std::string_view key, std::string_view field)
{
    if (const std::string* const content = data.get_field(key, field))
        push(lua, *content);
    else
        lua_pushboolean(lua, 0);
}

void push_count(lua_State* lua, std::size_t n)
{
    lua_pushnumber(lua, static_cast<lua_Number>(n));
}

template <class Texts>
void push_texts(lua_State* lua, const Texts& texts)
{
    lua_createtable(lua, static_cast<int>(texts.size()), 0);
    int i = 0;
    for (const auto& each : texts) {
        push(lua, each);
        lua_rawseti(lua, -2, ++i);
    }
}

void push_ok(lua_State* lua)
{
    lua_createtable(lua, 0, 1);
    lua_pushliteral(lua, "OK");
    lua_setfield(lua, -2, "ok");
}

/// When something ends that lasts so many ms.
std::int64_t end_of(std::int64_t ms, const run_state& run, const char* command)
{
    const std::int64_t now = run.now / 1000;
    if (ms > std::numeric_limits<std::int64_t>::max() - now)
        throw redis_error(std::string("ERR invalid expire time in '") + command + "' command");
    return now + ms;
}

void del(lua_State* lua, run_state& run, words w)
{
    push_count(lua, static_cast<std::size_t>(
                        std::ranges::count_if(w, [&](std::string_view key) { return run.server->data.erase(key); })));
}

void exists(lua_State* lua, run_state& run, words w)
{
    push_count(lua, static_cast<std::size_t>(
                        std::ranges::count_if(w, [&](std::string_view key) { return run.server->data.exists(key); })));
}

void hdel(lua_State* lua, run_state& run, words w)
{
    push_count(lua, static_cast<std::size_t>(std::ranges::count_if(w.subspan(1), [&](std::string_view field) {
                   return run.server->data.erase_field(w[0], field);
               })));
}

void hget(lua_State* lua, run_state& run, words w)
{
    push_field(lua, run.server->data, w[0], w[1]);
}

void hmget(lua_State* lua, run_state& run, words w)
{
    lua_createtable(lua, static_cast<int>(w.size() - 1), 0);
    for (std::size_t i = 1; i < w.size(); ++i) {
        push_field(lua, run.server->data, w[0], w[i]);
        lua_rawseti(lua, -2, static_cast<int>(i));
    }
}

void hset(lua_State* lua, run_state& run, words w)
{
    if (w.size() % 2 == 0)
        throw redis_error("ERR wrong number of arguments for 'hset' command");
    std::size_t added = 0;
    for (std::size_t i = 1; i < w.size(); i += 2)
        added += run.server->data.set_field(w[0], w[i], w[i + 1]);
    push_count(lua, added);
}

void info(lua_State* lua, run_state& run, words w)
{
    if (w.size() != 1)
        throw unsupported("INFO of several sections");
    push(lua, run.server->info(w[0]));
}

void pexpire(lua_State* lua, run_state& run, words w)
{
    if (w.size() != 2)
        throw unsupported("an option of PEXPIRE");
    const std::int64_t end = end_of(integer(w[1]), run, "pexpire");
    push_count(lua, run.server->data.expire_at(w[0], end));
}

void publish(lua_State* lua, run_state& run, words w)
{
    run.published->push_back({std::string(w[0]), std::string(w[1])});
    push_count(lua, 0); // of those who hear it: none as yet
}

void scan(lua_State* lua, run_state& run, words w)
{
    std::uint64_t cursor = 0;
    const auto [at, ec] = std::from_chars(w[0].data(), w[0].data() + w[0].size(), cursor);
    if (ec != std::errc() || at != w[0].data() + w[0].size())
        throw redis_error("ERR invalid cursor");
    std::string_view pattern = "*";
    std::int64_t count = 10;
    for (std::size_t i = 1; i < w.size(); i += 2) {
        if (i + 1 == w.size())
            throw redis_error("ERR syntax error");
        if (same_word("MATCH", w[i]))
            pattern = w[i + 1];
        else if (!same_word("COUNT", w[i]))
            throw unsupported("an option of SCAN");
        else if ((count = integer(w[i + 1])) < 1)
            throw redis_error("ERR syntax error");
    }
    auto [next, keys] = run.server->data.scan(cursor, static_cast<std::size_t>(count));
    std::erase_if(keys, [&](const std::string& key) { return !matches(pattern, key); });
    lua_createtable(lua, 2, 0);
    push(lua, std::to_string(next));
    lua_rawseti(lua, -2, 1);
    push_texts(lua, keys);
    lua_rawseti(lua, -2, 2);
}

void set(lua_State* lua, run_state& run, words w)
{
    redis_store::value v{std::string(w[1])};
    for (std::size_t i = 2; i < w.size(); i += 2) {
        if (!same_word("PX", w[i]))
            throw unsupported("an option of SET");
        if (i + 1 == w.size())
            throw redis_error("ERR syntax error");
        const std::int64_t ms = integer(w[i + 1]);
        if (ms <= 0)
            throw redis_error("ERR invalid expire time in 'set' command");
        v.expires_at = end_of(ms, run, "set");
    }
    run.server->data.put(w[0], std::move(v));
    push_ok(lua);
}

void time(lua_State* lua, run_state& run, words)
{
    push_texts(lua, std::array{std::to_string(run.now / 1'000'000), std::to_string(run.now % 1'000'000)});
}

void zadd(lua_State* lua, run_state& run, words w)
{
    if (w.size() != 3 || w[1] != "0")
        throw unsupported("ZADD of anything but one member with the score 0");
    push_count(lua, run.server->data.add_member(w[0], w[2]));
}

void zcard(lua_State* lua, run_state& run, words w)
{
    push_count(lua, run.server->data.count_members(w[0]));
}

void zrange(lua_State* lua, run_state& run, words w)
{
    if (w.size() != 3)
        throw unsupported("an option of ZRANGE");
    const std::int64_t first = integer(w[1]);
    const std::int64_t last = integer(w[2]);
    push_texts(lua, run.server->data.members(w[0], first, last));
}

void zrem(lua_State* lua, run_state& run, words w)
{
    push_count(lua, static_cast<std::size_t>(std::ranges::count_if(w.subspan(1), [&](std::string_view member) {
                   return run.server->data.erase_member(w[0], member);
               })));
}

enum class effect : std::uint8_t
{
    none,
    writes,
    grows // writes, and needs memory
};

struct command
{
    std::string_view name;
    void (*run)(lua_State*, run_state&, words);
    std::size_t fewest; // arguments
    std::size_t most;
    effect what = effect::none;
};

constexpr std::size_t any = std::numeric_limits<std::size_t>::max();

/// The commonest first.
constexpr std::array commands{
    command{"HMGET", hmget, 2, any},
    command{"HSET", hset, 3, any, effect::grows},
    command{"PEXPIRE", pexpire, 2, any, effect::writes},
    command{"TIME", time, 0, 0},
    command{"HGET", hget, 2, 2},
    command{"HDEL", hdel, 2, any, effect::writes},
    command{"ZRANGE", zrange, 3, any},
    command{"ZREM", zrem, 2, any, effect::writes},
    command{"ZADD", zadd, 3, any, effect::grows},
    command{"PUBLISH", publish, 2, 2},
    command{"SET", set, 2, any, effect::grows},
    command{"EXISTS", exists, 1, any},
    command{"DEL", del, 1, any, effect::writes},
    command{"INFO", info, 0, any},
    command{"SCAN", scan, 1, any},
    command{"ZCARD", zcard, 1, 1},
};

void check_writes(const run_state& run, effect what)
{
    switch (run.server->refuses) {
    case write_refusal::none: return;
    case write_refusal::readonly: throw redis_error("READONLY You can't write against a read only replica.");
    case write_refusal::noreplicas: throw redis_error("NOREPLICAS Not enough good replicas to write.");
    case write_refusal::misconf:
        throw redis_error(
            "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. "
            "Commands that may modify the data set are disabled, because this instance is configured to report "
            "errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check "
            "the Redis logs for details about the RDB error.");
    case write_refusal::oom:
        if (what == effect::grows && !run.has_written)
            throw redis_error("OOM command not allowed when used memory > 'maxmemory'.");
    }
}

/// Numbers among the arguments become the texts that commands are given.
void write_number(lua_State* lua, int index)
{
    std::array<char, 32> text{};
    const lua_Number n = lua_tonumber(lua, index);
    constexpr lua_Number exact = 1e15; // below, integers have no exponent in the general format
    const char* end = nullptr;
    if (std::fabs(n) < exact && n == std::trunc(n) && !(n == 0 && std::signbit(n)))
        end = std::to_chars(text.data(), text.data() + text.size(), static_cast<std::int64_t>(n)).ptr;
    else
        end = text.data() + std::snprintf(text.data(), text.size(), "%.17g", n);
    lua_pushlstring(lua, text.data(), static_cast<std::size_t>(end - text.data()));
    lua_replace(lua, index);
}

void run_command(lua_State* lua, run_state& run)
{
    const int count = lua_gettop(lua);
    if (count == 0)
        throw redis_error("ERR Please specify at least one argument for this redis lib call");
    constexpr std::size_t most = 64;
    std::array<std::string_view, most> all;
    if (static_cast<std::size_t>(count) > most)
        throw unsupported("a command with so many arguments");
    for (int i = 1; i <= count; ++i) {
        if (lua_type(lua, i) == LUA_TNUMBER)
            write_number(lua, i);
        else if (lua_type(lua, i) != LUA_TSTRING)
            throw redis_error("ERR Lua redis lib command arguments must be strings or integers");
        all[static_cast<std::size_t>(i - 1)] = text_at(lua, i);
    }
    const auto found = std::ranges::find_if(commands, [&](const command& c) { return same_word(c.name, all[0]); });
    if (found == commands.end())
        throw unsupported("the command " + std::string(all[0]));
    const words arguments = words(all).subspan(1, static_cast<std::size_t>(count - 1));
    if (arguments.size() < found->fewest || arguments.size() > found->most)
        throw redis_error("ERR Wrong number of args calling Redis command from script");
    if (found->what != effect::none) {
        check_writes(run, found->what);
        run.has_written = true;
    }
    found->run(lua, run, arguments);
}

/// The reply is on top, or {err = ...}: whether it is a reply.
bool try_command(lua_State* lua, run_state& run) noexcept
{
    try {
        run_command(lua, run);
        return true;
    } catch (const redis_error& e) {
        push_error(lua, e.what());
    } catch (const std::exception& e) {
        run.lacks_something = true;
        run.unsupported = e.what();
        push_error(lua, std::string_view("ERR this is not simulated"));
    }
    return false;
}

// --- what scripts call -----------------------------------------------------------------------------------------------

extern "C" {

int redis_call(lua_State* lua)
{
    auto* const run = static_cast<run_state*>(lua_touserdata(lua, lua_upvalueindex(1)));
    return try_command(lua, *run) ? 1 : lua_error(lua);
}

int redis_pcall(lua_State* lua)
{
    try_command(lua, *static_cast<run_state*>(lua_touserdata(lua, lua_upvalueindex(1))));
    return 1;
}

/// Gives the text of an error where Lua's own gives {err = text}.
int pcall_for_text(lua_State* lua)
{
    luaL_checkany(lua, 1);
    const bool done = lua_pcall(lua, lua_gettop(lua) - 1, LUA_MULTRET, 0) == 0;
    if (!done && lua_istable(lua, -1)) {
        lua_getfield(lua, -1, "err");
        if (lua_isstring(lua, -1))
            lua_replace(lua, -2);
        else
            lua_pop(lua, 1);
    }
    lua_pushboolean(lua, done);
    lua_insert(lua, 1);
    return lua_gettop(lua);
}

/// Makes {err, source, line} of an error, the latter two of where it was raised.
int describe_error(lua_State* lua)
{
    if (!lua_istable(lua, 1)) {
        lua_createtable(lua, 0, 3);
        if (lua_isstring(lua, 1)) {
            lua_pushliteral(lua, "ERR ");
            lua_pushvalue(lua, 1);
            lua_concat(lua, 2);
        } else {
            lua_pushfstring(lua, "ERR %s", luaL_typename(lua, 1));
        }
        lua_setfield(lua, -2, "err");
        lua_replace(lua, 1);
    }
    lua_Debug where{};
    bool known = lua_getstack(lua, 1, &where) && lua_getinfo(lua, "Sl", &where);
    if (known && *where.what == 'C')
        known = lua_getstack(lua, 2, &where) && lua_getinfo(lua, "Sl", &where);
    if (known) {
        lua_pushstring(lua, where.source);
        lua_setfield(lua, 1, "source");
        lua_pushinteger(lua, where.currentline);
        lua_setfield(lua, 1, "line");
    }
    return 1;
}

int refuse_new_global(lua_State* lua)
{
    return luaL_error(lua, "Attempt to modify a readonly table");
}

int refuse_unknown_global(lua_State* lua)
{
    return luaL_error(lua, "Script attempted to access nonexistent global variable '%s'", lua_tostring(lua, 2));
}

} // extern "C"

void open(lua_State* lua, lua_CFunction library, const char* name)
{
    lua_pushcfunction(lua, library);
    lua_pushstring(lua, name);
    lua_call(lua, 1, 0);
}

void set_texts(lua_State* lua, const char* global, words texts)
{
    lua_pushstring(lua, global);
    push_texts(lua, texts);
    lua_rawset(lua, LUA_GLOBALSINDEX);
}

} // namespace

void add_error(std::string& reply, std::string_view text)
{
    while (text.ends_with('\r') || text.ends_with('\n'))
        text.remove_suffix(1);
    reply += '-';
    for (const char c : text)
        reply += c == '\r' || c == '\n' ? ' ' : c;
    reply += "\r\n";
}

void add_status(std::string& reply, std::string_view text)
{
    ((reply += '+') += text) += "\r\n";
}

void add_bulk(std::string& reply, std::string_view text)
{
    add_number(reply, '$', static_cast<std::int64_t>(text.size()));
    (reply += text) += "\r\n";
}

/// Of each section what is asked for.
std::string server_state::info(std::string_view section) const
{
    if (same_word("SERVER", section))
        return "# Server\r\nredis_version:7.0.15\r\nrun_id:" + run_id + "\r\n";
    if (same_word("REPLICATION", section))
        return std::string("# Replication\r\nrole:") + (refuses == write_refusal::readonly ? "slave" : "master")
               + "\r\n";
    if (same_word("MEMORY", section))
        return "# Memory\r\nmaxmemory:" + std::to_string(maxmemory) + "\r\nmaxmemory_policy:" + policy + "\r\n";
    if (same_word("STATS", section))
        return "# Stats\r\nevicted_keys:" + std::to_string(evicted_keys) + "\r\n";
    throw unsupported("INFO " + std::string(section));
}

// --- the host --------------------------------------------------------------------------------------------------------

struct script_host::script
{
    std::string sha;
    int function = LUA_NOREF;
};

class script_host::impl
{
public:
    impl()
    {
        if (!lua_)
            throw std::bad_alloc();
        lua_gc(lua_, LUA_GCSETPAUSE,
               1000); // what lives are the scripts: to look at these costs more than what is dropped
        open(lua_, luaopen_base, "");
        open(lua_, luaopen_table, LUA_TABLIBNAME);
        open(lua_, luaopen_string, LUA_STRLIBNAME);
        open(lua_, luaopen_math, LUA_MATHLIBNAME);
        // What servers do not have; and what is random, or tells of the memory.
        for (const char* name : {"collectgarbage", "coroutine", "dofile", "gcinfo", "getfenv", "load", "loadfile",
                                 "loadstring", "module", "newproxy", "print", "require", "setfenv"}) {
            lua_pushnil(lua_);
            lua_setglobal(lua_, name);
        }
        lua_getglobal(lua_, LUA_MATHLIBNAME);
        for (const char* name : {"random", "randomseed"}) {
            lua_pushnil(lua_);
            lua_setfield(lua_, -2, name);
        }
        lua_pop(lua_, 1);
        lua_createtable(lua_, 0, 2);
        for (const auto& [name, function] : {std::pair{"call", &redis_call}, std::pair{"pcall", &redis_pcall}}) {
            lua_pushlightuserdata(lua_, &run_);
            lua_pushcclosure(lua_, function, 1);
            lua_setfield(lua_, -2, name);
        }
        lua_setglobal(lua_, "redis");
        lua_pushcfunction(lua_, pcall_for_text);
        lua_setglobal(lua_, "pcall");

        lua_createtable(lua_, 0, 2);
        lua_pushcfunction(lua_, refuse_new_global);
        lua_setfield(lua_, -2, "__newindex");
        lua_pushcfunction(lua_, refuse_unknown_global);
        lua_setfield(lua_, -2, "__index");
        lua_setmetatable(lua_, LUA_GLOBALSINDEX);
        lua_pushcfunction(lua_, describe_error); // stays at the bottom
    }

    ~impl() { lua_close(lua_); }
    impl(const impl&) = delete;
    impl& operator=(const impl&) = delete;

    compiled load(std::string_view text)
    {
        if (const auto it = by_text_.find(text); it != by_text_.end())
            return {it->second};
        if (luaL_loadbuffer(lua_, text.data(), text.size(), "@user_script") != 0) {
            compiled result{nullptr, "ERR Error compiling script (new function): " + std::string(text_at(lua_, -1))};
            lua_pop(lua_, 1);
            return result;
        }
        auto sha = sha1(text);
        const script& s = by_sha_[sha] = {sha, luaL_ref(lua_, LUA_REGISTRYINDEX)};
        by_text_.emplace(text, &s);
        return {&s};
    }

    const script* find(std::string_view sha) const
    {
        const auto it = by_sha_.find(sha);
        return it == by_sha_.end() ? nullptr : &it->second;
    }

    void run(const script& what, words keys, words arguments, run_state state, std::string& reply)
    {
        struct cleaner
        {
            ~cleaner() { lua_settop(lua, 1); }
            lua_State* lua;
        } const clean{lua_};
        run_ = std::move(state);
        run_.server->data.set_clock(run_.now / 1000);
        lua_rawgeti(lua_, LUA_REGISTRYINDEX, what.function);
        set_texts(lua_, "KEYS", keys);
        set_texts(lua_, "ARGV", arguments);
        const bool done = lua_pcall(lua_, 0, 1, 1) == 0;
        if (run_.lacks_something)
            throw unsupported("a script asks for " + run_.unsupported + ", which is not simulated");
        if (done)
            add_value(lua_, reply, 0);
        else
            add_error_of(what, reply);
    }

private:
    /// On top.
    void add_error_of(const script& what, std::string& reply)
    {
        if (!lua_istable(lua_, -1) || !push_text_of(lua_, "err"))
            throw unsupported("an error without a text");
        std::string text(text_at(lua_, -1));
        lua_pop(lua_, 1);
        lua_getfield(lua_, -1, "source");
        lua_getfield(lua_, -2, "line");
        if (lua_isstring(lua_, -1) && lua_isstring(lua_, -2))
            text += " script: " + what.sha + ", on " + lua_tostring(lua_, -2) + ":" + lua_tostring(lua_, -1) + ".";
        add_error(reply, text);
    }

    lua_memory memory_;
    lua_State* lua_ = lua_newstate(&lua_memory::allocate, &memory_);
    run_state run_;
    std::unordered_map<std::string, script, redis_store::text_hash, std::equal_to<>> by_sha_;
    std::unordered_map<std::string, const script*, redis_store::text_hash, std::equal_to<>> by_text_;
};

script_host& script_host::of_this_thread()
{
    thread_local script_host host;
    return host;
}

script_host::script_host() : impl_(std::make_unique<impl>()) {}
script_host::~script_host() = default;

script_host::compiled script_host::load(std::string_view text)
{
    return impl_->load(text);
}

const script_host::script* script_host::find(std::string_view sha) const
{
    return impl_->find(sha);
}

std::string_view script_host::sha_of(const script& s) noexcept
{
    return s.sha;
}

void script_host::run(const script& what, words keys, words arguments, server_state& server, std::int64_t now,
                      std::vector<published_message>& published, std::string& reply)
{
    impl_->run(what, keys, arguments, {.server = &server, .now = now, .published = &published}, reply);
}

} // namespace test
