// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TESTING_UNRELIABLE_PROTOCOL_HPP
#define PRIORITY_REDLOCK_TESTING_UNRELIABLE_PROTOCOL_HPP

#include <priority_redlock/protocol.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace priority_redlock::testing {

/// How bad the network of an `unreliable_protocol` is.
struct unreliable_options
{
    /// Every request, reply and event takes a time drawn evenly from here, so that they overtake each other.
    duration min_delay = std::chrono::milliseconds(0);
    duration max_delay = std::chrono::milliseconds(5);

    /// Probability that one transmission is lost, 0 to 0.9. A request is sent again after `resend_after` until an
    /// answer has come, so that the store may see it several times; an event that is lost is gone.
    double loss = 0;

    /// How long to wait for an answer.
    duration resend_after = std::chrono::milliseconds(20);

    /// The same seed gives the same decisions for the same sequence of transmissions.
    std::uint64_t seed = 1;
};

/// A protocol behind a bad network: delays, reorders, repeats and loses what goes to and comes from another protocol.
/// For tests of what is built upon protocols, and of protocols themselves (the original's `netSimulatedProtocol`).
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, except destruction.
///
/// @par Object lifetimes
/// Must be destroyed before its execution context. What is under way when it is destroyed still arrives.
class unreliable_protocol final : public protocol
{
public:
    /// Timers run on `ex`.
    /// @throws std::invalid_argument an option is outside its domain; the message names it.
    unreliable_protocol(const boost::asio::any_io_executor& ex, std::shared_ptr<protocol> target,
                        const unreliable_options& options)
        : network_(std::make_shared<network>(ex, std::move(target), checked(options)))
    {
    }

    void subscribe(std::uint64_t client, std::weak_ptr<listener> sink) override
    {
        auto relay = std::make_shared<event_relay>(network_, std::move(sink));
        network_->target->subscribe(client, relay);
        const std::lock_guard guard(network_->mutex);
        network_->relays.push_back(std::move(relay));
    }

    void obtain(obtain_request request, handler<obtain_reply> on_reply) override
    {
        call<obtain_reply>(std::move(on_reply),
                           [request](protocol& p, handler<obtain_reply> h) { p.obtain(request, std::move(h)); });
    }

    void withdraw(acquisition_id id, done_handler on_done) override
    {
        call<>(std::move(on_done), [id](protocol& p, done_handler h) { p.withdraw(id, std::move(h)); });
    }

    void release(acquisition_id id, done_handler on_done) override
    {
        call<>(std::move(on_done), [id](protocol& p, done_handler h) { p.release(id, std::move(h)); });
    }

    void acknowledge(acquisition_id id, done_handler on_done) override
    {
        call<>(std::move(on_done), [id](protocol& p, done_handler h) { p.acknowledge(id, std::move(h)); });
    }

    void extend(acquisition_id id, duration ttl, handler<clock::time_point> on_reply) override
    {
        call<clock::time_point>(std::move(on_reply), [id, ttl](protocol& p, handler<clock::time_point> h) {
            p.extend(id, ttl, std::move(h));
        });
    }

    void raise(acquisition_id id, int priority, done_handler on_done) override
    {
        call<>(std::move(on_done),
               [id, priority](protocol& p, done_handler h) { p.raise(id, priority, std::move(h)); });
    }

    [[nodiscard]] duration retry_interval() const noexcept override
    {
        return 2 * (network_->options.max_delay + network_->options.resend_after);
    }

    /// How many transmissions were lost so far.
    [[nodiscard]] std::uint64_t lost() const
    {
        const std::lock_guard guard(network_->mutex);
        return network_->lost;
    }

private:
    struct network : std::enable_shared_from_this<network>
    {
        network(const boost::asio::any_io_executor& ex, std::shared_ptr<protocol> t, const unreliable_options& o)
            : executor(ex), target(std::move(t)), options(o), random(o.seed)
        {
        }

        /// Runs f after a while, or never.
        template <class F>
        void transmit(F f)
        {
            duration delay;
            {
                const std::lock_guard guard(mutex);
                if (std::uniform_real_distribution<>(0, 1)(random) < options.loss) {
                    ++lost;
                    return;
                }
                delay = duration(std::uniform_int_distribution<duration::rep>(options.min_delay.count(),
                                                                              options.max_delay.count())(random));
            }
            after(delay, std::move(f));
        }

        template <class F>
        void after(duration delay, F f)
        {
            auto timer = std::make_shared<boost::asio::steady_timer>(executor, delay);
            timer->async_wait([timer, self = shared_from_this(), f = std::move(f)](error_code ec) mutable {
                if (!ec)
                    f();
            });
        }

        boost::asio::any_io_executor executor;
        std::shared_ptr<protocol> target;
        const unreliable_options options;
        std::mutex mutex; // of what follows
        std::mt19937_64 random;
        std::uint64_t lost = 0;
        std::vector<std::shared_ptr<listener>> relays;
    };

    class event_relay final : public listener
    {
    public:
        event_relay(const std::shared_ptr<network>& n, std::weak_ptr<listener> sink)
            : network_(n), sink_(std::move(sink))
        {
        }

        void on_event(const protocol_event& event) override
        {
            if (const auto n = network_.lock())
                n->transmit([event, sink = sink_] {
                    if (const auto s = sink.lock())
                        s->on_event(event);
                });
        }

    private:
        std::weak_ptr<network> network_; // which owns this
        std::weak_ptr<listener> sink_;
    };

    /// One request, until it has been answered.
    template <class Function, class... Results>
    struct exchange : std::enable_shared_from_this<exchange<Function, Results...>>
    {
        exchange(std::shared_ptr<network> n, handler<Results...> h, Function f)
            : net(std::move(n)), on_reply(std::move(h)), function(std::move(f))
        {
        }

        void send()
        {
            net->transmit([self = this->shared_from_this()] { self->arrive(); });
            net->after(net->options.resend_after, [self = this->shared_from_this()] {
                if (!self->answered())
                    self->send();
            });
        }

        void arrive()
        {
            function(*net->target,
                     handler<Results...>([self = this->shared_from_this()](error_code ec, Results... results) {
                         self->net->transmit([self, ec, results...] { self->answer(ec, results...); });
                     }));
        }

        [[nodiscard]] bool answered() const
        {
            const std::lock_guard guard(net->mutex);
            return !on_reply;
        }

        void answer(error_code ec, Results... results)
        {
            handler<Results...> h;
            {
                const std::lock_guard guard(net->mutex);
                h = std::move(on_reply);
                on_reply = nullptr;
            }
            if (h)
                std::move(h)(ec, results...);
        }

        std::shared_ptr<network> net;
        handler<Results...> on_reply;
        Function function;
    };

    template <class... Results, class Function>
    void call(handler<Results...> on_reply, Function f)
    {
        std::make_shared<exchange<Function, Results...>>(network_, std::move(on_reply), std::move(f))->send();
    }

    static const unreliable_options& checked(const unreliable_options& o)
    {
        if (o.min_delay < duration::zero() || o.max_delay < o.min_delay)
            throw std::invalid_argument("unreliable_options: delays must be 0 <= min_delay <= max_delay");
        if (!(o.loss >= 0 && o.loss <= 0.9))
            throw std::invalid_argument("unreliable_options: loss must be from 0 to 0.9");
        if (o.resend_after <= duration::zero())
            throw std::invalid_argument("unreliable_options: resend_after must be positive");
        return o;
    }

    std::shared_ptr<network> network_;
};

} // namespace priority_redlock::testing

#endif
