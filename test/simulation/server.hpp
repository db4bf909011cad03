// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SIMULATION_SERVER_HPP
#define PRIORITY_REDLOCK_TEST_SIMULATION_SERVER_HPP

#include "redis/support/node_model.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace simulation {

/// What travels to a node: calls as they were when they were sent.
using parcel = std::vector<test::request_to_node>;

/// A message on the channel of a client.
using published = test::node_model::message;

/// What a node has in its memory, and what it does with what it is sent.
class server
{
public:
    using answer = priority_redlock::detail::redis::answer;
    using call = priority_redlock::detail::redis::call;

    explicit server(const priority_redlock::redis_options& options) : model_(options) {}

    [[nodiscard]] static parcel pack(const std::vector<call>& calls, const priority_redlock::redis_options& options,
                                     const std::string& deployment, const std::string& run_id)
    {
        parcel result;
        result.reserve(calls.size());
        for (const call& each : calls)
            result.push_back(test::request_to_node::of(each, options, deployment, run_id));
        return result;
    }

    /// Runs the calls of a parcel; `clock` is the node's, in microseconds.
    [[nodiscard]] std::vector<answer> run(const parcel& p, std::int64_t clock, std::vector<published>& out)
    {
        std::vector<answer> answers;
        answers.reserve(p.size());
        for (const auto& each : p)
            answers.push_back(model_.run(each, clock, out));
        return answers;
    }

    /// As an operator does who knows that it is new.
    void provision(const std::string& deployment, const std::string& run_id)
    {
        model_.born = test::node_model::marker{run_id, 0, deployment, {}, {}, 0};
    }

private:
    test::node_model model_;
};

} // namespace simulation

#endif
