// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_COMPLAINTS_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_COMPLAINTS_HPP

// What is wrong with a node, and how often it is said.

#include <priority_redlock/detail/time.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace priority_redlock::detail::redis {

/// Something that is wrong with a node.
struct complaint
{
    explicit complaint(std::string whole) : kind(whole), text(std::move(whole)) {}

    /// The text is the kind and the details of this one.
    complaint(std::string of_kind, const std::string& details) : kind(std::move(of_kind)), text(kind + details) {}

    std::string kind; // does not depend on what a client asked for
    std::string text;
};

/// What is wrong with one node. Of each kind the first complaint is said, and in the end how many there were: errors
/// that alternate or quote what was asked for would fill the log.
class complaints
{
public:
    /// Whether it is to be said.
    [[nodiscard]] bool add(const std::string& kind, bool costs_the_vote, time_point now)
    {
        latest_ = now;
        costs_the_vote_ |= costs_the_vote;
        for (auto& [known, times] : kinds_)
            if (known == kind) {
                ++times;
                return false;
            }
        kinds_.emplace_back(kind, 1);
        return true;
    }

    /// There were some, and none came for this long.
    [[nodiscard]] bool have_ended(duration quiet, time_point now) const noexcept
    {
        return !kinds_.empty() && saturating_add(latest_, quiet) <= now;
    }

    /// What is said when they have ended.
    [[nodiscard]] std::string take_summary()
    {
        std::string result = costs_the_vote_ ? "votes again" : "gives no more errors";
        std::string_view separator = " (";
        for (const auto& [kind, times] : kinds_)
            if (times > 1) {
                result.append(separator).append(std::to_string(times)).append(" times: ").append(kind);
                separator = "; ";
            }
        if (separator == "; ")
            result += ')';
        *this = {};
        return result;
    }

private:
    std::vector<std::pair<std::string, std::size_t>> kinds_; // and how often they came
    time_point latest_;
    bool costs_the_vote_ = false;
};

} // namespace priority_redlock::detail::redis

#endif
