// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_COMMON_MEMORY_SWEEP_HPP
#define PRIORITY_REDLOCK_TEST_COMMON_MEMORY_SWEEP_HPP

#include "common/counting_allocator.hpp"
#include "common/heap.hpp"
#include "common/locks.hpp"

#include <priority_redlock/logging.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/execution/bad_executor.hpp>
#include <boost/test/unit_test.hpp>
#include <boost/version.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

// Memory that runs out, at every allocation of a scene in turn.
//
// A scene is a function of an `attempt`: it starts operations with handlers of the attempt, and lets time pass. It is
// played once with the first allocation failing, once with the second, and so on until none is left to fail. After each
// the attempt is judged (`attempt::judge`): what started has called its handler once, what threw has not, nobody holds
// or waits for anything, the same names can be locked again, the context runs out of work, and nothing has leaked.
//
// Where locks are is the world's: in memory, over a protocol, over nodes.

namespace test {

/// Before Boost 1.92 a strand that finds no memory ends the program: see memory/asio.cpp.
inline constexpr bool strands_survive = BOOST_VERSION >= 109200;

/// What a sweep is played in. Made and destroyed with all the memory that it wants.
class sweep_world
{
public:
    sweep_world() = default;
    sweep_world(const sweep_world&) = delete;
    sweep_world& operator=(const sweep_world&) = delete;
    virtual ~sweep_world() = default;

    [[nodiscard]] virtual asio::io_context& context() = 0;
    [[nodiscard]] virtual lock_manager& manager() = 0;

    /// Runs what is ready. Passes on what handlers throw, and goes on when it is called again.
    virtual void poll() { test::poll(context()); }

    virtual void advance(redlock::duration d)
    {
        manual_clock::advance(d);
        poll();
    }

    /// Gives up what the world itself holds of locks.
    virtual void let_go() {}

    /// The managers go. True if their context then runs out of work.
    [[nodiscard]] virtual bool ends() = 0;
};

/// What of a scene is not the library's: Asio lets an exception out of run(), and loses a function
/// (test/memory/asio.cpp).
enum class asio_losses : std::uint8_t
{
    none,
    of_others, // but the library calls its handlers nevertheless
    of_handler // and the token's handler goes with it
};

/// What became of an operation that a scene has started.
struct swept_call
{
    int calls = 0;
    bool dropped = false; // its handler was destroyed without a call
    bool started = false; // its initiating function has returned
    error_code ec;        // of the call
    asio::cancellation_signal signal;
    allocation_counts memory;
};

/// One play of a scene.
class attempt
{
public:
    /// A handler of any signature: keeps the locks that it is given.
    class handler
    {
    public:
        handler(attempt& a, swept_call& c) noexcept : attempt_(&a), call_(&c) {}
        handler(handler&& other) noexcept : attempt_(other.attempt_), call_(std::exchange(other.call_, nullptr)) {}
        handler& operator=(handler&&) = delete;
        ~handler()
        {
            if (call_)
                call_->dropped = true;
        }

        [[nodiscard]] swept_call& call() const noexcept { return *call_; }

        template <class... Results>
        void operator()(Results... results)
        {
            const heap::pause own;
            if (!call_) {
                BOOST_ERROR("a handler was called twice");
                return;
            }
            swept_call& c = *std::exchange(call_, nullptr);
            ++c.calls;
            (attempt_->take(c, std::move(results)), ...);
        }

    private:
        attempt* attempt_;
        swept_call* call_;
    };

    explicit attempt(sweep_world& w) : world(w) { locks.reserve(64); }
    attempt(const attempt&) = delete;
    attempt& operator=(const attempt&) = delete;

    /// Calls f(handler), which starts an operation with it. The operation may throw std::bad_alloc instead.
    template <class Start>
    swept_call& start(Start f)
    {
        swept_call* c = nullptr;
        {
            const heap::pause own;
            c = &calls_.emplace_back();
        }
        try {
            f(handler(*this, *c));
            c->started = true;
        } catch (const std::bad_alloc&) {
        }
        return *c;
    }

    void acquire(const char* resource, const char* locker, const acquire_options& options = {})
    {
        start([&](handler h) { world.manager().async_acquire(resource, locker, options, std::move(h)); });
    }

    /// Runs what is ready. If that throws for want of memory, it is noted, and the rest runs.
    void poll()
    {
        run([this] { world.poll(); });
    }

    void advance(redlock::duration d)
    {
        run([&] { world.advance(std::exchange(d, redlock::duration::zero())); });
    }

    /// Makes something that what the scene has started uses until its end.
    template <class T, class... Arguments>
    T& make(Arguments&&... arguments)
    {
        const heap::pause own;
        const auto made = std::make_shared<T>(std::forward<Arguments>(arguments)...);
        kept_.push_back(made);
        return *made;
    }

    /// Lets go of all locks that were granted so far.
    void release_all() noexcept { locks.clear(); }

    /// After the scene, when memory is back.
    void judge(asio_losses may_be)
    {
        for (int i = 0; i < 4; ++i) { // what is let go of may be granted to others
            world.let_go();
            release_all();
            world.manager().cancel();
            advance(1h);
        }
        release_all();
        poll();
        const bool excused = may_be == asio_losses::of_handler && escaped_;
        for (std::size_t i = 0; i < calls_.size(); ++i) {
            const swept_call& c = calls_[i];
            const int expected = c.started ? 1 : 0;
            BOOST_TEST((c.calls == expected || (excused && c.calls == 0 && c.dropped)),
                       "the handler of operation " << i << " was called " << c.calls << " times instead of " << expected
                                                   << (c.dropped ? ", and destroyed" : ", and is kept"));
            BOOST_TEST(c.memory.live == 0, "memory of the allocator of operation " << i << " is not given back");
        }
        BOOST_TEST((!escaped_ || may_be != asio_losses::none), "std::bad_alloc came out of run()");
        for (const char* name : {"r", "s", "t"})
            acquire(name, "afterwards");
        for (int i = 0; i < 3; ++i)
            advance(1s);
        BOOST_TEST(locks.size() == 3u, "only " << locks.size() << " of 3 resources can be locked again");
        release_all();
        advance(1h);
        redlock::snapshot now;
        start([&](handler h) {
            world.manager().async_snapshot([&, own = std::move(h)](error_code ec, redlock::snapshot s) mutable {
                now = std::move(s);
                own(ec);
            });
        });
        advance(1h);
        BOOST_TEST(now.resources.empty(), "a resource is not free, but held or waited for: "
                                              << (now.resources.empty() ? "" : now.resources.front().resource));
        BOOST_TEST(world.ends(), "the context has not run out of work");
    }

    sweep_world& world;
    std::vector<lock> locks; // that were granted

private:
    template <class Function>
    void run(Function f)
    {
        for (;;)
            try {
                f();
                return;
            } catch (const std::bad_alloc&) {
                escaped_ = true;
            } catch (const asio::execution::bad_executor&) { // one that found no memory to be copied
                escaped_ = true;
            }
    }

    void take(swept_call& c, error_code ec) { c.ec = ec; }
    void take(swept_call& c, const std::exception_ptr& e) { c.ec = code_of(e); }
    void take(swept_call&, lock lk)
    {
        if (lk.state() != lock_state::empty)
            locks.push_back(std::move(lk));
    }
    template <class... Results>
    void take(swept_call& c, std::tuple<Results...> results)
    {
        std::apply([&](Results&... each) { (take(c, std::move(each)), ...); }, results);
    }
    template <class Other>
    void take(swept_call&, const Other&)
    {
    }

    std::deque<swept_call> calls_;
    std::vector<std::shared_ptr<void>> kept_;
    bool escaped_ = false;
};

/// Nothing is written while it lives: a log that is written for the first time keeps memory.
class silence
{
public:
    silence() noexcept { redlock::set_log_level(redlock::log_level::off); }
    silence(const silence&) = delete;
    silence& operator=(const silence&) = delete;
    ~silence() { redlock::set_log_level(before_); }

private:
    redlock::log_level before_ = redlock::get_log_level();
};

/// A handler whose operation can be cancelled by the signal of its call.
[[nodiscard]] inline auto cancellable(attempt::handler h)
{
    const auto slot = h.call().signal.slot();
    return asio::bind_cancellation_slot(slot, std::move(h));
}

struct sweep_options
{
    heap::reach reach = heap::reach::with_recycled;
    asio_losses may_be = asio_losses::none;
};

/// Plays a scene in worlds of their own with each of its allocations failing, one at a time.
template <class MakeWorld, class Scene>
void sweep_memory(MakeWorld make_world, Scene play, const sweep_options& options = {})
{
    constexpr long most = 5000;
    const silence log;
    const auto once = [&](long n) {
        const auto world = make_world();
        attempt a(*world);
        bool failed = false;
        {
            const heap::failure failure(n, options.reach);
            play(a);
            failed = n >= 0 && heap::failure::happened();
        }
        a.judge(options.may_be);
        return failed;
    };
    once(-1); // what is made once for the whole program
    for (long n = 0; n < most; ++n)
        BOOST_TEST_CONTEXT("allocation " << n << " fails")
        {
            const long before = heap::live;
            const bool failed = once(n);
            BOOST_TEST(heap::live == before, heap::live - before << " allocations have leaked");
            if (!failed) {
                BOOST_TEST_MESSAGE("allocations: " << n);
                return;
            }
        }
    BOOST_ERROR("the scene does not end");
}

/// Locks in memory.
class memory_world final : public sweep_world
{
public:
    explicit memory_world(manager_kind kind, const redlock::manager_options& options = {})
        : manager_(kind == manager_kind::over_strand // of a type that any_io_executor has room for
                       ? make_manager(asio::make_strand(context_), manager_kind::thread_safe, options)
                       : make_manager(context_.get_executor(), kind, options))
    {
    }

    asio::io_context& context() override { return context_; }
    lock_manager& manager() override { return *manager_; }

    bool ends() override
    {
        manager_.reset();
        for (int i = 0; i < 3; ++i) // a timer without a deadline lingers for a moment
            advance(24h);
        return context_.stopped();
    }

private:
    asio::io_context context_;
    std::optional<lock_manager> manager_;
};

/// Over each kind of manager in memory. Strands get the memory that Asio keeps for reuse (test/memory/asio.cpp).
template <class Scene>
void sweep_in_memory(Scene play, const redlock::manager_options& manager = {}, sweep_options options = {})
{
    for (const auto kind : {manager_kind::thread_safe, manager_kind::single_threaded, manager_kind::over_strand}) {
        if (kind == manager_kind::over_strand)
            options.reach = heap::reach::operators;
        BOOST_TEST_CONTEXT((kind == manager_kind::thread_safe       ? "thread-safe"
                            : kind == manager_kind::single_threaded ? "single-threaded"
                                                                    : "over a strand"))
        {
            sweep_memory([&] { return std::make_unique<memory_world>(kind, manager); }, play, options);
        }
    }
}

} // namespace test

#endif
