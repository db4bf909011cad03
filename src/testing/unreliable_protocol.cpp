// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/testing/unreliable_protocol.hpp>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/error.hpp>

#include <mutex>
#include <new>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

namespace priority_redlock::testing {

namespace {

const unreliable_options& checked(const unreliable_options& o)
{
    if (o.min_delay < duration::zero() || o.max_delay < o.min_delay)
        throw std::invalid_argument("unreliable_options: delays must be 0 <= min_delay <= max_delay");
    if (!(o.loss >= 0 && o.loss <= 0.9))
        throw std::invalid_argument("unreliable_options: loss must be from 0 to 0.9");
    if (o.resend_after <= duration::zero())
        throw std::invalid_argument("unreliable_options: resend_after must be positive");
    return o;
}

} // namespace

class unreliable_protocol::network : public std::enable_shared_from_this<network>
{
public:
    network(const boost::asio::any_io_executor& ex, std::shared_ptr<protocol> t, const unreliable_options& o,
            bool by_manual_clock)
        : target(std::move(t)), options(checked(o)), executor_(ex), by_manual_clock_(by_manual_clock), random_(o.seed)
    {
    }

    void subscribe(std::uint64_t client, std::weak_ptr<listener> sink)
    {
        auto relay = std::make_shared<event_relay>(shared_from_this(), std::move(sink));
        target->subscribe(client, relay);
        const std::lock_guard guard(mutex_);
        relays_.push_back(std::move(relay));
    }

    template <class... Results, class Function>
    void call(handler<Results...> on_reply, Function f)
    {
        std::make_shared<exchange<Function, Results...>>(shared_from_this(), std::move(on_reply), std::move(f))->send();
    }

    [[nodiscard]] std::uint64_t lost() const
    {
        const std::lock_guard guard(mutex_);
        return lost_;
    }

    const std::shared_ptr<protocol> target;
    const unreliable_options options;

private:
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

        /// Throws if there is no memory for the time when it is sent again: then it was not sent.
        void send()
        {
            net->after(net->options.resend_after, [self = this->shared_from_this()] {
                if (!self->answered())
                    self->send_again();
            });
            net->transmit([self = this->shared_from_this()] { self->arrive(); });
        }

        void send_again()
        {
            try {
                send();
            } catch (const std::bad_alloc&) {
                answer(boost::asio::error::no_memory, Results()...);
            }
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
            const std::lock_guard guard(net->mutex_);
            return !on_reply;
        }

        void answer(error_code ec, Results... results)
        {
            handler<Results...> h;
            {
                const std::lock_guard guard(net->mutex_);
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

    /// Runs f after a while, or never. What runs out of memory is lost.
    template <class F>
    void transmit(F f) noexcept
    {
        duration delay;
        {
            const std::lock_guard guard(mutex_);
            if (std::uniform_real_distribution<>(0, 1)(random_) < options.loss) {
                ++lost_;
                return;
            }
            delay = duration(std::uniform_int_distribution<duration::rep>(options.min_delay.count(),
                                                                          options.max_delay.count())(random_));
        }
        unless_lost(
            [&] { after(delay, [self = shared_from_this(), f = std::move(f)]() mutable { self->unless_lost(f); }); });
    }

    template <class F>
    void unless_lost(F&& f)
    {
        try {
            f();
        } catch (const std::bad_alloc&) {
            const std::lock_guard guard(mutex_);
            ++lost_;
        }
    }

    template <class F>
    void after(duration delay, F f)
    {
        if (by_manual_clock_)
            after_by<manual_clock>(delay, std::move(f));
        else
            after_by<clock>(delay, std::move(f));
    }

    template <class Clock, class F>
    void after_by(duration delay, F f)
    {
        auto timer = std::make_shared<boost::asio::basic_waitable_timer<Clock>>(executor_, delay);
        timer->async_wait([timer, self = shared_from_this(), f = std::move(f)](error_code ec) mutable {
            if (!ec)
                f();
        });
    }

    const boost::asio::any_io_executor executor_;
    const bool by_manual_clock_;
    mutable std::mutex mutex_; // of what follows
    std::mt19937_64 random_;
    std::uint64_t lost_ = 0;
    std::vector<std::shared_ptr<listener>> relays_;
};

unreliable_protocol::unreliable_protocol(const boost::asio::any_io_executor& ex, std::shared_ptr<protocol> target,
                                         const unreliable_options& options)
    : network_(std::make_shared<network>(ex, std::move(target), options, false))
{
}

unreliable_protocol::unreliable_protocol(const boost::asio::any_io_executor& ex, std::shared_ptr<protocol> target,
                                         const unreliable_options& options, manual_time_t)
    : network_(std::make_shared<network>(ex, std::move(target), options, true))
{
}

void unreliable_protocol::subscribe(std::uint64_t client, std::weak_ptr<listener> sink)
{
    network_->subscribe(client, std::move(sink));
}

void unreliable_protocol::obtain(obtain_request request, handler<obtain_reply> on_reply)
{
    network_->call<obtain_reply>(std::move(on_reply),
                                 [request](protocol& p, handler<obtain_reply> h) { p.obtain(request, std::move(h)); });
}

void unreliable_protocol::end(acquisition_id id, done_handler on_done)
{
    network_->call<>(std::move(on_done), [id](protocol& p, done_handler h) { p.end(id, std::move(h)); });
}

duration unreliable_protocol::retry_interval() const noexcept
{
    return 2 * (network_->options.max_delay + network_->options.resend_after);
}

std::uint64_t unreliable_protocol::lost() const
{
    return network_->lost();
}

} // namespace priority_redlock::testing
