// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TESTING_CONFORMANCE_HPP
#define PRIORITY_REDLOCK_TESTING_CONFORMANCE_HPP

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/protocol.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string_view>

namespace priority_redlock::testing {

/// Describes a protocol to the conformance suite.
struct conformance_subject
{
    /// Makes the protocol with an empty store, for the duration of one case. Its completions and events may come on
    /// `ex` or on any other thread.
    std::function<std::shared_ptr<protocol>(const boost::asio::any_io_executor& ex)> make;

    /// How long a case waits for a required event before it fails.
    duration patience = std::chrono::seconds(20);

    /// The unit of the ttls and holds in the cases. It must be long compared with a round trip of the protocol.
    duration unit = std::chrono::milliseconds(20);
};

/// Thrown if a protocol, or a manager over it, has broken a rule.
class PRIORITY_REDLOCK_DECL conformance_failure : public std::runtime_error
{
public:
    using std::runtime_error::runtime_error;
};

/// One rule of `protocol`, or of `lock_manager` over a protocol.
struct conformance_case
{
    /// The requirement as an identifier. It begins with the number of the rule, if there is one.
    std::string_view name;

    /// Runs the case on a fresh store. Throws conformance_failure with the reason.
    void (*run)(const conformance_subject& subject);
};

/// All the cases. Run each of them; any test framework will do:
/// @code
/// for (const auto& each : conformance_cases())
///     suite.add(each.name, [&each, subject] { each.run(subject); });
/// @endcode
[[nodiscard]] PRIORITY_REDLOCK_DECL std::span<const conformance_case> conformance_cases() noexcept;

} // namespace priority_redlock::testing

#endif
