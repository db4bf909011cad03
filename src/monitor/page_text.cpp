// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "monitor/page_text.hpp"

#include "monitor_page.hpp" // generated

#include <string_view>

namespace priority_redlock::detail {

const std::string& page_text()
{
    static const std::string whole = [] {
        std::string result(monitor::markup_source);
        const auto put = [&result](std::string_view mark, std::string_view text) {
            result.replace(result.find(mark), mark.size(), text);
        };
        put("/* style */", monitor::style_source);
        put("/* program */", monitor::program_source);
        return result;
    }();
    return whole;
}

} // namespace priority_redlock::detail
