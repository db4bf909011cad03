// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_MONITOR_PAGE_TEXT_HPP
#define PRIORITY_REDLOCK_SRC_MONITOR_PAGE_TEXT_HPP

#include <string>

namespace priority_redlock::detail {

/// The page for browsers: the files of page/ in one piece.
[[nodiscard]] const std::string& page_text();

} // namespace priority_redlock::detail

#endif
