// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include <priority_redlock/combine.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace priority_redlock::detail {

std::shared_ptr<const lock_recipe> combine(const lock_recipe& a, const lock_recipe& b, const acquire_options& options)
{
    if (!(a.manager == b.manager))
        throw std::invalid_argument("combine: the locks of \"" + a.parts.front().resource + "\" and \""
                                    + b.parts.front().resource + "\" belong to different managers");
    lock_recipe both = a;
    both.parts.insert(both.parts.end(), b.parts.begin(), b.parts.end());
    for (lock_request& each : both.parts)
        each.options = options.over(each.options);
    if (a.locker != b.locker)
        both.locker.clear();
    return std::make_shared<const lock_recipe>(std::move(both));
}

} // namespace priority_redlock::detail
