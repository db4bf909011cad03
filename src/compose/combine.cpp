// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Several `synchronized` objects as one: it acquires the locks of all of them, as the one locker if they have the same.

#include <priority_redlock/combine.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace priority_redlock::detail {

std::shared_ptr<const acquire_spec> combine(const acquire_spec& a, const acquire_spec& b,
                                            const acquire_options& options)
{
    if (!(a.manager == b.manager))
        throw std::invalid_argument("combine: the locks of \"" + a.parts.front().resource + "\" and \""
                                    + b.parts.front().resource + "\" belong to different managers");
    acquire_spec both = a;
    both.parts.insert(both.parts.end(), b.parts.begin(), b.parts.end());
    for (lock_request& each : both.parts)
        each.options = options.over(each.options);
    if (a.locker != b.locker)
        both.locker.clear();
    return std::make_shared<const acquire_spec>(std::move(both));
}

} // namespace priority_redlock::detail
