// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_ACQUISITION_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_ACQUISITION_HPP

// What is known of an acquisition: one attempt of a manager to hold a resource, until nothing is left of it anywhere.
//
// It has the vote of each node: what was asked there and what came of it. Questions that need no more than these votes
// are answered here. quorum_client decides what follows, and sends it.

#include "call.hpp"

#include <boost/intrusive/set.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace priority_redlock::detail::redis {

/// As the nodes know it.
[[nodiscard]] std::string to_text(acquisition_id id);

/// Zero: it is none.
[[nodiscard]] acquisition_id id_in(std::string_view text) noexcept;

enum class vote_status : std::uint8_t
{
    none,
    asked,
    granted,
    waiting,
    refused,
    unreachable,
};

/// Of the latest extension.
enum class renewal_status : std::uint8_t
{
    none,
    asked,
    granted,
    refused,
    unreachable,
};

/// How one node stands to an acquisition.
struct node_vote
{
    vote_status status = vote_status::none;
    bool may_exist = false;      // something may be there
    bool may_arrive = false;     // an obtain may still do so that was lost with its connection
    bool has_answered = false;   // one that is yielded counts as waiting, and may not have
    bool yielded = false;        // and not asked since
    bool outranked = false;      // its holder has a lower priority, and was told
    bool kept_back = false;      // not told, since one before this one leaves it alone
    bool woken = false;          // while it was asked
    bool writing_back = false;   // the token is on its way
    bool force_released = false; // by an operator
    renewal_status renewal = renewal_status::none;
    std::uint32_t outstanding = 0;    // obtains
    std::uint64_t ignore_before = 0;  // the sequence of the latest yield or release
    std::uint64_t answered_round = 0; // the round of the latest answer
    time_point sent;                  // granted: when it was asked for
    std::int64_t token = 0;
    time_point retry_at = never; // when it is asked again
    time_point ends_at = never;  // or earlier: when what it waits for there ends by itself
    std::string holder;

    [[nodiscard]] bool has_voted() const noexcept
    {
        return status == vote_status::granted || status == vote_status::waiting || status == vote_status::refused;
    }

    [[nodiscard]] time_point due() const noexcept { return std::min(retry_at, ends_at); }

    void retry(time_point at, time_point end = never) noexcept
    {
        retry_at = at;
        ends_at = end;
    }
};

enum class acquisition_phase : std::uint8_t
{
    open,         // asks, or waits
    writing_back, // has a quorum and writes its token back
    held,
    ending, // gives back what it has
    over
};

struct acquisition : boost::intrusive::set_base_hook<>,
                     std::enable_shared_from_this<acquisition>
{
    struct notice
    {
        acquisition_id thief;
        int priority = 0;
        std::vector<std::pair<std::size_t, time_point>> seen; // by node
        bool quorum_answered = false;
    };

    struct extension
    {
        protocol::handler<obtain_reply> handler;
        duration ttl{};
    };

    acquisition_id id;
    std::string id_text;
    std::string lock_key; // of the resource
    std::string locker;
    int priority = 0;
    bool preempt = true;
    std::int64_t ticket = 0;
    duration ttl{};
    duration longest_ttl{}; // that was asked for
    obtain_request::mode mode = obtain_request::mode::wait;

    acquisition_phase phase = acquisition_phase::open;
    time_point due = never;
    time_point started;
    std::uint64_t round = 0;
    time_point round_ends = never; // never: it rests
    std::int64_t proposal = 0;
    bool has_ticket = false;           // corrected by the nodes' clocks
    bool quorum_answered = false;      // in whichever rounds
    bool quorum_announced = false;     // the nodes know that a quorum has answered
    bool cut_off = false;              // without a quorum: it has withdrawn
    time_point without_quorum = never; // since when too few nodes can be asked, or answer but with errors
    std::vector<node_vote> votes;      // by node
    std::int64_t token = 0;
    time_point valid_until;
    std::vector<notice> notices;
    std::deque<extension> extensions; // the first is on its way
    protocol::handler<obtain_reply> on_reply;
    std::vector<protocol::done_handler> on_end;

    template <class Condition>
    [[nodiscard]] std::size_t count(Condition c) const
    {
        return static_cast<std::size_t>(std::count_if(votes.begin(), votes.end(), c));
    }

    [[nodiscard]] std::size_t count(vote_status s) const noexcept
    {
        return count([s](const node_vote& v) { return v.status == s; });
    }

    template <class Condition>
    [[nodiscard]] bool any(Condition c) const
    {
        return std::any_of(votes.begin(), votes.end(), c);
    }

    /// Somewhere another one, which is before it, leaves the holder alone.
    [[nodiscard]] bool is_kept_back() const noexcept;

    /// It has given a minority back, and has not asked there since.
    [[nodiscard]] bool has_yielded() const noexcept;

    /// The token that so many nodes granted, if there is one.
    [[nodiscard]] std::optional<std::int64_t> agreed_token(std::size_t quorum) const;

    /// Of all that were granted.
    [[nodiscard]] std::int64_t largest_token() const noexcept;

    /// How many nodes have told the same holder to go, at most.
    [[nodiscard]] std::size_t notices_to_one_holder() const;

    /// When a hold of the present ttl ends that relies on so many nodes, the latest asked of those that are named.
    template <class Condition>
    [[nodiscard]] std::optional<time_point> validity(std::size_t quorum, Condition c) const
    {
        std::vector<time_point> sent;
        for (const node_vote& v : votes)
            if (c(v))
                sent.push_back(v.sent);
        return validity_of(std::move(sent), quorum);
    }

private:
    [[nodiscard]] std::optional<time_point> validity_of(std::vector<time_point> sent, std::size_t quorum) const;
};

} // namespace priority_redlock::detail::redis

#endif
