// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SIMULATION_TRACE_HPP
#define PRIORITY_REDLOCK_TEST_SIMULATION_TRACE_HPP

#include "simulation/virtual_time.hpp"

#include <cstddef>
#include <deque>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace simulation {

/// What has happened in a world, as a sequence diagram: a line of life for each process and each node, messages as
/// arrows between them, and what happens at one as words beside it.
class trace
{
public:
    /// Keeps the last `most` entries.
    explicit trace(std::size_t most) : most_(most) {}

    /// From now on keeps only what happens at these times, the last one excluded.
    void keep_only(time_point from, time_point until) noexcept
    {
        from_ = from;
        until_ = until;
    }

    /// Processes stand before the nodes. Gives its place.
    std::size_t add_process(std::string name);
    std::size_t add_node(std::string name);

    /// Something happens at `where`.
    void happens(std::size_t where, std::string what);

    /// Something happens to all.
    void announces(std::string what);

    /// A message arrives that was sent at that time.
    void arrives(std::size_t from, std::size_t to, time_point sent, std::string what);

    /// A message that does not arrive.
    void is_lost(std::size_t from, std::size_t to, std::string what);

    void write_text(std::ostream& out) const;
    void write_svg(std::ostream& out, std::string_view title = {}) const;

private:
    static constexpr std::size_t nobody = static_cast<std::size_t>(-1);

    struct participant
    {
        std::string name;
        bool is_node = false;
    };

    struct entry
    {
        time_point at;
        time_point sent;
        std::size_t from = nobody;
        std::size_t to = nobody;
        bool lost = false;
        std::string what;
    };

    void add(entry e);
    [[nodiscard]] std::vector<std::size_t> columns() const;

    std::size_t most_;
    time_point from_ = time_point::min();
    time_point until_ = time_point::max();
    time_point start_{}; // the first entry
    std::vector<participant> participants_;
    std::deque<entry> entries_;
    std::size_t dropped_ = 0;
};

} // namespace simulation

#endif
