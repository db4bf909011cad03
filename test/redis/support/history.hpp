// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_REDIS_HISTORY_HPP
#define PRIORITY_REDLOCK_TEST_REDIS_HISTORY_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <ostream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace test {

/// Who held what and when, as the holders saw it, and whether that was right. Any thread may record.
///
/// A holder records its grant when it is told of it, and its end before it lets go: so what is recorded lies within
/// what was held, and every violation is one. The times are of `steady_clock`, which all processes of a machine share.
class history
{
public:
    using time_point = std::chrono::steady_clock::time_point;

    struct grant
    {
        std::string resource;
        std::string client;
        std::uint64_t token = 0;
        time_point acquired_at{};
        time_point ended_at = time_point::max(); // the lock's `expires_at()` until it ends

        friend std::ostream& operator<<(std::ostream& stream, const grant& g)
        {
            const auto us = [](time_point t) { return t.time_since_epoch() / std::chrono::microseconds(1); };
            stream << g.client << " token " << g.token << " from " << us(g.acquired_at) << " us to ";
            if (g.ended_at == time_point::max())
                return stream << "ever";
            return stream << us(g.ended_at) << " us";
        }
    };

    enum class rule
    {
        exclusion, // the validity of two grants of a resource overlaps
        fencing    // a later grant of a resource has no greater token
    };

    struct violation
    {
        rule broken{};
        grant first;
        grant second;

        friend std::ostream& operator<<(std::ostream& stream, const violation& v)
        {
            return stream << (v.broken == rule::exclusion ? "overlap" : "token not greater") << " of "
                          << v.first.resource << ": " << v.first << ", then " << v.second;
        }
    };

    using id = std::size_t;

    id granted(grant g)
    {
        const std::lock_guard guard(mutex_);
        grants_.push_back(std::move(g));
        return grants_.size() - 1;
    }

    /// A renewal has moved the end.
    void extended(id which, time_point valid_until)
    {
        const std::lock_guard guard(mutex_);
        grants_.at(which).ended_at = valid_until;
    }

    /// The grant ended, or its holder was told so. An end later than `ended_at` is none: the lock had expired by then.
    void ended(id which, time_point at = std::chrono::steady_clock::now())
    {
        const std::lock_guard guard(mutex_);
        grants_.at(which).ended_at = std::min(grants_.at(which).ended_at, at);
    }

    [[nodiscard]] std::vector<grant> grants() const
    {
        const std::lock_guard guard(mutex_);
        return grants_;
    }

    /// Everything that was wrong so far. Until a holder's end has been recorded, `ended_at` counts.
    [[nodiscard]] std::vector<violation> check() const
    {
        std::map<std::string, std::vector<grant>> resources;
        for (grant& g : grants())
            resources[g.resource].push_back(std::move(g));

        std::vector<violation> result;
        for (auto& [name, grants] : resources) {
            std::sort(grants.begin(), grants.end(), [](const grant& a, const grant& b) {
                return std::tie(a.acquired_at, a.token) < std::tie(b.acquired_at, b.token);
            });
            const grant* latest_end = nullptr; // what overlaps with anything before overlaps with this
            const grant* highest = nullptr;
            for (const grant& g : grants) {
                if (latest_end && g.acquired_at < latest_end->ended_at)
                    result.push_back({rule::exclusion, *latest_end, g});
                if (highest && g.token <= highest->token)
                    result.push_back({rule::fencing, *highest, g});
                if (!latest_end || g.ended_at > latest_end->ended_at)
                    latest_end = &g;
                if (!highest || g.token > highest->token)
                    highest = &g;
            }
        }
        return result;
    }

private:
    mutable std::mutex mutex_;
    std::vector<grant> grants_;
};

/// For `BOOST_TEST(h.check().empty(), h.check())`.
inline std::ostream& operator<<(std::ostream& stream, const std::vector<history::violation>& violations)
{
    for (const history::violation& v : violations)
        stream << '\n' << v;
    return stream;
}

} // namespace test

#endif
