// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "soak/worker.hpp"

#include "soak/event.hpp"

#include <priority_redlock/acquire_all.hpp>
#include <priority_redlock/errc.hpp>
#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/logging.hpp>
#include <priority_redlock/redis_protocol.hpp>
#include <priority_redlock/redis_url.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <memory>
#include <random>
#include <system_error>
#include <utility>

namespace soak {

namespace {

namespace asio = boost::asio;
using namespace priority_redlock;
using namespace std::chrono_literals;
using kind = event::kind;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t users = 8;

std::string name_of(const error_code& ec)
{
    if (ec == errc::acquire_timeout)
        return "acquire_timeout";
    if (ec == errc::no_quorum)
        return "no_quorum";
    return std::string(ec.category().name()) + ':' + std::to_string(ec.value());
}

/// What a user does next. Most locks are short and of many resources; some are fought for; some are held for longer
/// than the ttl, which renewals bridge.
struct wish
{
    std::vector<lock_request> requests; // several: a composite
    duration timeout = infinite;
    duration hold{};
};

class wishes
{
public:
    explicit wishes(std::uint64_t seed) : random_(seed) {}

    wish next()
    {
        wish result;
        const acquire_options options = any_options();
        const std::size_t shape = below(20);
        if (shape < 13) {
            result.requests = {{name("one", 60), options}};
            result.hold = 1ms * below(5);
        } else if (shape < 16) {
            result.requests = {{name("hot", 4), options}};
            result.hold = 1ms * below(10);
        } else if (shape < 19) {
            result.requests = {{name("one", 60), options}, {name("one", 60), options}, {name("hot", 4), options}};
            if (result.requests[0].resource == result.requests[1].resource)
                result.requests.erase(result.requests.begin());
            for (lock_request& each : result.requests) // a composite is not renewed
                each.options.auto_extend = std::nullopt;
            result.hold = 1ms * below(5);
        } else {
            result.requests = {{name("long", 12), options}};
            if (!options.auto_extend.has_value() && options.ttl.has_value())
                result.requests[0].options.ttl = deployment_options().max_ttl;
            result.hold = below(4) == 0 ? 1ms * below(3000) : 1ms * below(100);
        }
        if (below(10) == 0)
            result.timeout = 1ms * (100 + below(2000));
        return result;
    }

    duration rest() { return 1ms * below(10); }

private:
    std::size_t below(std::size_t n) { return random_() % n; }

    std::string name(const char* of, std::size_t count) { return of + std::to_string(below(count)); }

    acquire_options any_options()
    {
        acquire_options result{.priority = static_cast<int>(below(4)), .grace = 100ms};
        switch (below(4)) {
        case 0: result.ttl = 1500ms; break;
        case 1:
            result.ttl = 900ms;
            result.auto_extend = true;
            break;
        default: break; // a lease
        }
        if (below(8) == 0)
            result.preempt = false;
        return result;
    }

    std::mt19937_64 random_;
};

class worker
{
public:
    explicit worker(const worker_order& order) : name_(order.name), log_(order.log)
    {
        redis_options options = deployment_options();
        options.tls_ca_file = order.authorities.string();
        manager_ = std::make_unique<lock_manager>(
            io_, std::make_shared<redis_protocol>(io_.get_executor(), parse_redis_nodes(order.nodes), options));
        for (std::size_t i = 0; i < users; ++i)
            asio::co_spawn(io_, use(order.seed * users + i), [this](const std::exception_ptr& e) {
                if (e)
                    std::rethrow_exception(e); // out of run()
                if (--working_ == 0)
                    terminated_.cancel();
            });
        terminated_.async_wait([this](const error_code&, int) { stopping_ = true; });
    }

    void run() { io_.run(); }

private:
    void note(kind what, std::uint64_t acquire, std::string_view resource, std::uint64_t n = 0, time_point until = {},
              std::string why = "-", time_point at = std::chrono::steady_clock::now())
    {
        log_.write({at, what, name_, acquire, std::string(resource), n, until, std::move(why)});
    }

    asio::awaitable<void> use(std::uint64_t seed)
    {
        wishes random(seed);
        asio::steady_timer timer(io_);
        while (!stopping_) {
            wish w = random.next();
            const std::uint64_t id = ++acquires_;
            for (const lock_request& each : w.requests)
                note(kind::asked, id, each.resource, static_cast<std::uint64_t>(*each.options.priority));
            const std::string first = w.requests.front().resource;
            acquire_options options = w.requests.front().options;
            options.timeout = w.timeout;
            // g++ 12 wants the arms apart.
            error_code ec;
            lock held;
            if (w.requests.size() == 1)
                std::tie(ec, held) = co_await manager_->async_acquire(first, options, as_result);
            else
                std::tie(ec, held) = co_await async_acquire_all(*manager_, std::move(w.requests), w.timeout, as_result);
            if (ec) {
                note(kind::failed, id, first, 0, {}, name_of(ec));
                timer.expires_after(5ms);
                co_await timer.async_wait(as_result);
                continue;
            }

            // What is held after this moment was held at it.
            const time_point now = std::chrono::steady_clock::now();
            if (held.is_held()) {
                for (const lock& each : held.parts())
                    note(kind::granted, id, each.resource(), each.fencing_token(), each.expires_at(), "-", now);
                timer.expires_after(w.hold);
                co_await timer.async_wait(held.guard(as_result));
                const time_point end = std::chrono::steady_clock::now();
                const kind how = held.is_held() ? kind::released
                                 : held.state() == lock_state::revoking || held.state() == lock_state::preempted
                                     ? kind::told
                                     : kind::lost;
                for (const lock& each : held.parts())
                    note(how, id, each.resource(), 0, each.expires_at(), "-", end);
            } else {
                note(kind::missed, id, first);
            }
            held.release();
            timer.expires_after(random.rest());
            co_await timer.async_wait(as_result);
        }
    }

    std::string name_;
    event_log log_;
    asio::io_context io_{1};
    asio::signal_set terminated_{io_, SIGTERM};
    std::unique_ptr<lock_manager> manager_;
    bool stopping_ = false;
    std::size_t working_ = users;
    std::uint64_t acquires_ = 0;
};

} // namespace

int work(const std::vector<std::string>& words)
{
    // What the director has open is not for its workers: a peer would not see it closed.
    ::close_range(STDERR_FILENO + 1, ~0U, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != static_cast<pid_t>(std::stol(words.at(5))))
        return 1;                  // the director is gone
    set_log_level(log_level::off); // nodes are broken on purpose
    worker({words.at(0), words.at(1), words.at(2), words.at(3), std::stoull(words.at(4))}).run();
    return 0;
}

worker_process::worker_process(const worker_order& order) : name_(order.name)
{
    std::vector<std::string> words{"soak",
                                   worker_word,
                                   order.name,
                                   order.log,
                                   order.nodes,
                                   order.authorities,
                                   std::to_string(order.seed),
                                   std::to_string(::getpid())};
    std::vector<char*> arguments;
    for (std::string& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    // A Ctrl-C is for the director.
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    const int error = ::posix_spawn(&id_, "/proc/self/exe", nullptr, &attributes, arguments.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    if (error != 0)
        throw std::system_error(error, std::generic_category(), "cannot start a worker");
}

void worker_process::kill()
{
    if (id_ <= 0 || !end().empty())
        return;
    ::kill(id_, SIGKILL);
    while (::waitpid(id_, nullptr, 0) == -1 && errno == EINTR) {
    }
    end_ = "killed";
}

void worker_process::stop()
{
    if (!end().empty())
        return;
    ::kill(id_, SIGSTOP);
    int status = 0;
    if (::waitpid(id_, &status, WUNTRACED) == id_ && !WIFSTOPPED(status))
        end_ = "ended instead of stopping";
}

void worker_process::resume()
{
    if (end().empty())
        ::kill(id_, SIGCONT);
}

void worker_process::finish()
{
    if (end().empty())
        ::kill(id_, SIGTERM);
}

std::string worker_process::end()
{
    int status = 0;
    if (end_.empty() && ::waitpid(id_, &status, WNOHANG) == id_)
        end_ = WIFEXITED(status) ? "status_" + std::to_string(WEXITSTATUS(status))
                                 : "signal_" + std::to_string(WTERMSIG(status));
    return end_;
}

} // namespace soak
