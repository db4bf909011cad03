// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_COMMON_CANCEL_AFTER_HPP
#define PRIORITY_REDLOCK_TEST_COMMON_CANCEL_AFTER_HPP

// Asio has cancel_after since Boost 1.86.

#if __has_include(<boost/asio/cancel_after.hpp>)
#define TEST_HAS_CANCEL_AFTER 1
#include <boost/asio/cancel_after.hpp>
#else
#define TEST_HAS_CANCEL_AFTER 0
#endif

#include <utility>

namespace test {

/// A token whose operation is cancelled after a while; the token itself where there is no such thing.
template <class Duration, class Token>
[[nodiscard]] auto cancelled_after([[maybe_unused]] Duration d, Token&& token)
{
#if TEST_HAS_CANCEL_AFTER
    return boost::asio::cancel_after(d, std::forward<Token>(token));
#else
    return token;
#endif
}

} // namespace test

#endif
