// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_SCRIPT_CALLS_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_SCRIPT_CALLS_HPP

// What is sent to run a script, and what its reply means. Calls to one node that are made together share runs of
// scripts, as far as one script can answer them.

#include "call.hpp"
#include "script_texts.hpp"

#include <boost/redis/request.hpp>
#include <boost/redis/resp3/node.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace priority_redlock::detail::redis {

/// The calls at the front that one run of a script can answer; at least one. They are to be made in this order.
[[nodiscard]] std::span<const call> first_run(std::span<const call> calls) noexcept;

/// Which script is to run for them.
[[nodiscard]] script script_for(std::span<const call> run) noexcept;

/// Adds runs of scripts to requests.
class call_encoder
{
public:
    /// Keys and channels begin with the prefix.
    explicit call_encoder(std::string prefix) : prefix_(std::move(prefix)) {}

    /// EVALSHA with what the node called the script when it was loaded, or EVAL with its text.
    void add(std::span<const call> run, std::string_view run_id, std::string_view command,
             std::string_view script_or_sha, boost::redis::request& to);

private:
    void put(std::initializer_list<std::string_view> parts);
    void put_keys(const call& c);
    void put_arguments(const call& c);

    /// A word as it is sent.
    struct bulk
    {
        std::string_view text;

        friend void boost_redis_to_bulk(std::string& to, const bulk& b) { to += b.text; }
    };

    std::string prefix_;
    std::string text_; // of all words, one after the other
    std::vector<std::size_t> ends_;
    std::vector<bulk> words_;
};

/// Understands the reply of a script, which comes in parts.
class answer_reader
{
public:
    void add(const boost::redis::resp3::node_view& part);

    /// The reply is complete: the answers to the calls of the run. Ready for the next reply.
    [[nodiscard]] std::vector<answer> take(std::size_t calls);

private:
    void read_part(std::string_view part);
    void read_detail(std::string_view part);

    std::vector<answer> answers_;
    bool of_all_ = false;   // there is one for all calls
    bool of_many_ = false;  // there is one for each of several commands
    std::size_t parts_ = 0; // of the last one
    bool understood_ = true;
};

/// The scripts over one connection after the other to a node: what is sent to run them there, and what comes of it.
class script_session
{
public:
    /// The texts are kept by reference.
    script_session(const script_texts& texts, std::string prefix) : texts_(texts), encoder_(std::move(prefix)) {}

    /// A connection begins: to which run of the server, and what it calls the scripts that were loaded.
    void begin(std::string run_id, std::array<std::string, loaded_scripts> shas);

    /// Adds one run of a script. Returns how many of the calls, from the front, it answers.
    std::size_t add_run(std::span<const call> calls, boost::redis::request& to);

    /// The reply to a run is complete: the answers to its calls.
    [[nodiscard]] std::vector<answer> take(answer_reader& reply, std::span<const call> run);

    [[nodiscard]] const std::string& run_id() const noexcept { return run_id_; }

private:
    const script_texts& texts_;
    std::array<std::string, loaded_scripts> shas_;
    std::array<bool, loaded_scripts> forgotten_{}; // by the node: the text is sent once
    std::string run_id_;                           // of the server
    call_encoder encoder_;
};

} // namespace priority_redlock::detail::redis

#endif
