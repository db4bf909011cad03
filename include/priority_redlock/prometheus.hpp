// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_PROMETHEUS_HPP
#define PRIORITY_REDLOCK_PROMETHEUS_HPP

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/metrics.hpp>

#include <span>
#include <string>
#include <string_view>

namespace priority_redlock {

/// The HTTP content type of the text of `to_prometheus`: the exposition format of Prometheus, version 0.0.4.
inline constexpr std::string_view prometheus_content_type = "text/plain; version=0.0.4; charset=utf-8";

/// The metrics of one of several managers, identified by a name.
struct named_metrics
{
    /// UTF-8, with any characters. Must be unique.
    std::string manager;

    /// The metrics of that manager.
    metrics values;
};

/// The metrics of a manager in the exposition format of Prometheus, meant to be scraped (examples/metrics_server.cpp).
/// The names begin with `priority_redlock_`; the values come from `metrics`:
///
/// | name                  | type      | value                                                              |
/// |-----------------------|-----------|--------------------------------------------------------------------|
/// | `grants_total`        | counter   | `grants`                                                           |
/// | `reentrances_total`   | counter   | `re_entrances`                                                     |
/// | `releases_total`      | counter   | `releases`                                                         |
/// | `preemptions_total`   | counter   | `preemptions`                                                      |
/// | `expiries_total`      | counter   | `expiries`                                                         |
/// | `losses_total`        | counter   | `losses`                                                           |
/// | `timeouts_total`      | counter   | `timeouts`                                                         |
/// | `cancellations_total` | counter   | `cancellations`                                                    |
/// | `refusals_total`      | counter   | `refusals`                                                         |
/// | `preemptions_in_vain_total` | counter | `preemptions_in_vain`                                          |
/// | `overruns_total`      | counter   | `overruns`                                                         |
/// | `waits_total`         | counter   | `wait_time.count`: all that were granted                           |
/// | `holds_total`         | counter   | `hold_time.count`: all that have ended                             |
/// | `held`                | gauge     | `held`, in resources                                               |
/// | `waiting`             | gauge     | `waiting`, in acquires                                             |
/// | `wait_seconds`        | histogram | `wait_time`, in seconds: of those that were measured, as its own   |
/// | `hold_seconds`        | histogram | `hold_time`    `_count`, `_sum` and `_bucket{le="..."}` are        |
///
/// Throws `std::bad_alloc` only. Thread safety: distinct objects: safe; shared objects: safe.
[[nodiscard]] PRIORITY_REDLOCK_DECL std::string to_prometheus(const metrics& values);

/// The metrics of several managers, each with the label `manager`, in one text: the format allows only one description
/// of a name.
[[nodiscard]] PRIORITY_REDLOCK_DECL std::string to_prometheus(std::span<const named_metrics> managers);

} // namespace priority_redlock

#endif
