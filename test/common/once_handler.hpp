// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_COMMON_ONCE_HANDLER_HPP
#define PRIORITY_REDLOCK_TEST_COMMON_ONCE_HANDLER_HPP

#include "common/user_code.hpp"

#include <boost/test/unit_test.hpp>

#include <source_location>
#include <utility>

namespace test {

/// A completion handler that must be called exactly once: reports the line that made it if it is called twice, or
/// destroyed uncalled.
template <class F>
class once_handler
{
public:
    once_handler(F f, const std::source_location& where, bool may_be_dropped = false)
        : f_(std::move(f)), where_(where), may_be_dropped_(may_be_dropped)
    {
    }

    once_handler(once_handler&& other) noexcept
        : code_(other.code_), f_(std::move(other.f_)), where_(other.where_), may_be_dropped_(other.may_be_dropped_),
          owed_(std::exchange(other.owed_, false))
    {
    }

    once_handler& operator=(once_handler&&) = delete;

    ~once_handler()
    {
        if (owed_ && !may_be_dropped_)
            BOOST_ERROR("the handler of " << where_.file_name() << ':' << where_.line()
                                          << " was destroyed without a call");
    }

    template <class... Args>
    void operator()(Args&&... args)
    {
        user_code::check();
        if (!std::exchange(owed_, false))
            BOOST_ERROR("the handler of " << where_.file_name() << ':' << where_.line() << " was called again");
        std::move(f_)(std::forward<Args>(args)...);
    }

private:
    [[no_unique_address]] user_code code_;
    F f_;
    std::source_location where_;
    bool may_be_dropped_;
    bool owed_ = true;
};

template <class F>
[[nodiscard]] once_handler<F> once(F f, const std::source_location& where = std::source_location::current())
{
    return {std::move(f), where};
}

/// At most once: for handlers that die with their context.
template <class F>
[[nodiscard]] once_handler<F> at_most_once(F f, const std::source_location& where = std::source_location::current())
{
    return {std::move(f), where, true};
}

} // namespace test

#endif
