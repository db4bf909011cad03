// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "simulation/simulated_protocol.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

namespace simulation {

using priority_redlock::detail::saturating_add;

simulated_protocol::simulated_protocol(asio::io_context& context, network& net, std::vector<std::string> names,
                                       const priority_redlock::redis_options& options, std::uint64_t seed)
    : executor_(context.get_executor()), net_(net), timer_(executor_), noted_(names.size()),
      client_(std::move(names), options, seed)
{
}

moment simulated_protocol::now()
{
    using priority_redlock::detail::surroundings;
    using priority_redlock::detail::redis::microseconds;
    return {virtual_clock::now(),
            std::chrono::duration_cast<microseconds>(surroundings<virtual_clock>::system_time()).count()};
}

template <class Function>
void simulated_protocol::run(Function f)
{
    f();
    carry_out();
}

// --- for the managers ------------------------------------------------------------------------------------------------

void simulated_protocol::subscribe(std::uint64_t client, std::weak_ptr<listener> sink)
{
    listeners_[client] = std::move(sink);
}

void simulated_protocol::obtain(priority_redlock::obtain_request request,
                                handler<priority_redlock::obtain_reply> on_reply)
{
    run([&] {
        wake_up();
        client_.obtain(std::move(request), std::move(on_reply), now());
    });
}

void simulated_protocol::end(priority_redlock::acquisition_id id, done_handler on_done)
{
    run([&] { client_.end(id, std::move(on_done), now()); });
}

void simulated_protocol::wake_up()
{
    idle_since_ = never;
    if (!std::exchange(running_, true))
        net_.start();
}

// --- for the network -------------------------------------------------------------------------------------------------

void simulated_protocol::on_up(std::size_t node, std::string run_id)
{
    run([&] { client_.on_up(node, std::move(run_id), now()); });
}

void simulated_protocol::on_down(std::size_t node)
{
    for (const call& each : std::exchange(noted_[node], {}))
        client_.on_answer(each, {}, now());
    run([&] { client_.on_down(node, now()); });
}

void simulated_protocol::on_answers(const std::vector<call>& calls, const std::vector<answer>& answers)
{
    run([&] {
        for (std::size_t i = 0; i < calls.size(); ++i)
            client_.on_answer(calls[i], answers[i], now());
    });
}

void simulated_protocol::on_push(std::size_t node, std::string_view message)
{
    run([&] { client_.on_push(node, message, now()); });
}

// --- actions ---------------------------------------------------------------------------------------------------------

void simulated_protocol::carry_out()
{
    if (std::exchange(busy_, true))
        return;
    for (;;) {
        for (const call& each : std::exchange(unsent_, {}))
            client_.on_answer(each, {}, now());
        auto actions = client_.take_actions();
        if (actions.calls.empty() && actions.told.empty() && actions.log.empty())
            break;
        for (const auto& each : actions.log)
            net_.log(each);
        for (call& each : actions.calls) {
            if (!net_.is_up(each.node)) {
                unsent_.push_back(std::move(each));
                continue;
            }
            noted_[each.node].push_back(std::move(each));
            flush_later();
        }
        for (auto& each : actions.told)
            std::visit([this](auto& item) { tell(item); }, each);
    }
    busy_ = false;
    set_timer();
}

void simulated_protocol::tell(quorum_client::reply_to_obtain& r)
{
    std::move(r.handler)(r.ec, std::move(r.reply));
}

void simulated_protocol::tell(quorum_client::reply_to_end& r)
{
    std::move(r.handler)(r.ec);
}

void simulated_protocol::tell(const priority_redlock::protocol_event& e)
{
    if (const auto it = listeners_.find(e.id.client); it != listeners_.end())
        if (const auto sink = it->second.lock())
            sink->on_event(e);
}

void simulated_protocol::flush_later()
{
    if (std::exchange(flushing_, true))
        return;
    asio::post(executor_, [self = shared_from_this()] {
        self->flushing_ = false;
        for (std::size_t i = 0; i < self->noted_.size(); ++i)
            if (!self->noted_[i].empty())
                self->net_.send(i, std::exchange(self->noted_[i], {}));
    });
}

// --- time ------------------------------------------------------------------------------------------------------------

void simulated_protocol::set_timer()
{
    time_point next = client_.next_deadline();
    if (running_ && client_.idle()) {
        if (idle_since_ == never)
            idle_since_ = virtual_clock::now();
        next = std::min(next, saturating_add(idle_since_, client_.options().idle_timeout));
    } else {
        idle_since_ = never;
    }
    if (!running_ || next >= armed_at_)
        return; // it will look again when it rings
    armed_at_ = next;
    timer_.expires_at(next);
    timer_.async_wait([self = shared_from_this()](error_code cancelled) {
        if (!cancelled)
            self->on_timer();
    });
}

void simulated_protocol::on_timer()
{
    armed_at_ = never;
    const moment at = now();
    if (client_.idle() && idle_since_ != never
        && saturating_add(idle_since_, client_.options().idle_timeout) <= at.steady) {
        stop();
        return;
    }
    client_.advance(at);
    carry_out();
}

void simulated_protocol::stop()
{
    running_ = false;
    idle_since_ = armed_at_ = never;
    timer_.cancel();
    net_.stop();
}

} // namespace simulation
