// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_LOG_RECORD_HPP
#define PRIORITY_REDLOCK_SRC_LOG_RECORD_HPP

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/logging.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace priority_redlock::detail {

[[nodiscard]] inline bool log_enabled(log_level level) noexcept
{
    return level >= get_log_level();
}

/// Something that happened: what a record of the log is made of. Its attributes are those of logging.hpp; what is empty
/// or 0 is none.
struct log_record
{
    log_level level = log_level::debug;
    std::string_view event; // a literal
    std::string text = {};  // of the message: all of it, or what follows the attributes
    std::string resource = {};
    std::string locker = {};
    std::optional<int> priority = {};
    std::uint64_t token = 0;
    std::string thief = {}; // none with a priority: of another manager
    std::optional<int> thief_priority = {};
    std::optional<std::int64_t> milliseconds = {};
    std::string node = {};
    bool is_described = false; // the message begins with the event and its attributes
};

/// Hands a record to Boost.Log. Swallows what the sinks throw. Its text is made only if a filter lets it through.
PRIORITY_REDLOCK_DECL void log(const log_record& record) noexcept;

/// Reports that something could not be done for want of resources.
PRIORITY_REDLOCK_DECL void log_failure(std::string_view what) noexcept;

} // namespace priority_redlock::detail

#endif
