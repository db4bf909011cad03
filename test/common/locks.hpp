// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_COMMON_LOCKS_HPP
#define PRIORITY_REDLOCK_TEST_COMMON_LOCKS_HPP

#include "common/initiation_guard.hpp"
#include "common/once_handler.hpp"
#include "common/print.hpp"
#include "common/tracker_executor.hpp"

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/testing/make_manager.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <source_location>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace test {

namespace asio = boost::asio;
namespace redlock = priority_redlock;

using redlock::acquire_options;
using redlock::errc;
using redlock::error_code;
using redlock::lock;
using redlock::lock_manager;
using redlock::lock_state;
using redlock::testing::manual_clock;
using namespace std::chrono_literals;

inline const error_code aborted = asio::error::operation_aborted;
inline const error_code success;

/// The error of a system_error, or of no exception; errc::not_held for any other.
[[nodiscard]] error_code code_of(const std::exception_ptr& e);

enum class manager_kind : std::uint8_t
{
    thread_safe,
    single_threaded,
    over_strand // of a pool: no two polls in a row are on the same thread
};

/// A manager that goes by the manual clock, with few shards if nothing else is asked for.
template <class Manager = lock_manager>
[[nodiscard]] Manager make_manager(const typename Manager::executor_type& ex, manager_kind kind,
                                   redlock::manager_options options = {})
{
    if (kind == manager_kind::single_threaded)
        return redlock::testing::make_manager<Manager>(ex, redlock::single_threaded, options);
    if constexpr (std::is_same_v<typename Manager::executor_type, asio::any_io_executor>)
        if (kind == manager_kind::over_strand)
            return make_manager<Manager>(asio::make_strand(ex), manager_kind::thread_safe, options);
    if (options.shards == 0)
        options.shards = 4;
    return redlock::testing::make_manager<Manager>(ex, options);
}

/// What a completion brought, and how it came. May be destroyed before it.
class completion
{
public:
    completion() = default;
    completion(const completion&) = delete;
    completion& operator=(const completion&) = delete;
    ~completion() { *self_ = nullptr; }

    int calls = 0;
    error_code ec = errc::lost; // something that no operation here completes with
    bool within_initiation = false;
    const tracker* ran_on = nullptr;
    int order = 0; // among all completions that were recorded

    void note(error_code e)
    {
        static int sequence = 0;
        ++calls;
        ec = e;
        within_initiation = initiation_guard::active();
        ran_on = tracker::current;
        order = ++sequence;
    }

    [[nodiscard]] bool done() const noexcept { return calls != 0; }

    /// Exactly one call, with this result, from outside of every initiating function.
    [[nodiscard]] bool is(error_code expected) const { return calls == 1 && ec == expected && !within_initiation; }

    friend std::ostream& operator<<(std::ostream& out, const completion& c)
    {
        return out << "{calls " << c.calls << ", " << c.ec.message() << (c.within_initiation ? ", inline}" : "}");
    }

    /// Points here as long as this lives.
    [[nodiscard]] std::shared_ptr<completion*> link() const noexcept { return self_; }

private:
    std::shared_ptr<completion*> self_ = std::make_shared<completion*>(this);
};

class acquired : public completion
{
public:
    lock lk;
};

/// A handler that must be called once and fills in a completion.
[[nodiscard]] inline auto record(completion& c, const std::source_location& at = std::source_location::current())
{
    return once(
        [link = c.link()](error_code ec) {
            if (*link)
                (*link)->note(ec);
        },
        at);
}

[[nodiscard]] inline auto record(acquired& a, const std::source_location& at = std::source_location::current())
{
    return once(
        [link = a.link()](error_code ec, lock lk) {
            if (!*link)
                return;
            (*link)->note(ec);
            static_cast<acquired&>(**link).lk = std::move(lk);
        },
        at);
}

#define CHECK_COMPLETED(c, expected) \
    BOOST_TEST((c).is(expected), #c " is " << (c) << " instead of " << error_code(expected).message())
#define CHECK_PENDING(c) BOOST_TEST(!(c).done(), #c " is " << (c) << " although it should be pending")

/// A context with a manager that goes by the manual clock. Checks at its end that the context runs out of work: declare
/// what the test keeps after it.
class locks
{
public:
    explicit locks(manager_kind k);
    locks(const locks&) = delete;
    locks& operator=(const locks&) = delete;
    ~locks();

    /// Runs what is ready.
    void poll();

    void advance(redlock::duration d);

    /// Starts an acquire.
    void acquire(acquired& result, std::string_view resource, std::string_view locker,
                 const acquire_options& options = {}, const std::source_location& at = std::source_location::current());

    /// Acquires a lock that must be granted.
    [[nodiscard]] lock get(std::string_view resource, std::string_view locker, const acquire_options& options = {},
                           const std::source_location& at = std::source_location::current());

    void wait(completion& result, lock& lk, const std::source_location& at = std::source_location::current());

    [[nodiscard]] redlock::snapshot snapshot();

    /// Nobody holds or waits for anything.
    [[nodiscard]] bool vacant();

    asio::io_context context;
    manager_kind kind;
    std::optional<lock_manager> manager;

private:
    bool elsewhere_ = false;
};

/// Runs what is ready on another context.
void poll(asio::io_context& context);

} // namespace test

/// A test that is run with the thread-safe manager and with the single-threaded one: for what takes long, or runs out
/// of memory at a step that a strand has, too. `f` is its test::locks.
#define PLAIN_MANAGER_TEST_CASE(name)                       \
    static void name##_body(test::locks& f);                \
    BOOST_AUTO_TEST_CASE(name##_thread_safe)                \
    {                                                       \
        test::locks f(test::manager_kind::thread_safe);     \
        name##_body(f);                                     \
    }                                                       \
    BOOST_AUTO_TEST_CASE(name##_single_threaded)            \
    {                                                       \
        test::locks f(test::manager_kind::single_threaded); \
        name##_body(f);                                     \
    }                                                       \
    static void name##_body([[maybe_unused]] test::locks& f)

/// The same, and over a strand.
#define MANAGER_TEST_CASE(name)                         \
    static void name##_body(test::locks& f);            \
    BOOST_AUTO_TEST_CASE(name##_over_a_strand)          \
    {                                                   \
        test::locks f(test::manager_kind::over_strand); \
        name##_body(f);                                 \
    }                                                   \
    PLAIN_MANAGER_TEST_CASE(name)

#endif
