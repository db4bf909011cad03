// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_COMMON_LOG_CAPTURE_HPP
#define PRIORITY_REDLOCK_TEST_COMMON_LOG_CAPTURE_HPP

#include <boost/log/attributes/value_extraction.hpp>
#include <boost/log/core/record_view.hpp>
#include <boost/log/expressions/filter.hpp>
#include <boost/log/trivial.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace test {

/// A Boost.Log sink that collects what the library says on its channel while it lives. Without locks of its own, so
/// that what `on_record` does may log as well; for one thread.
class log_capture
{
public:
    struct record
    {
        std::string text;
        boost::log::trivial::severity_level severity{};
        boost::log::record_view view;

        /// An attribute; what is not there is empty.
        template <class T>
        [[nodiscard]] T get(const char* attribute) const
        {
            const auto value = boost::log::extract<T>(attribute, view);
            return value ? *value : T();
        }
    };

    /// Of those that pass the filter.
    explicit log_capture(const boost::log::filter& filter = {});
    log_capture(const log_capture&) = delete;
    log_capture& operator=(const log_capture&) = delete;
    ~log_capture();

    [[nodiscard]] const std::vector<record>& records() const noexcept;
    void clear();

    /// How many lines begin with this word.
    [[nodiscard]] std::size_t count(std::string_view word) const;

    /// Called with each record; may throw.
    void on_record(std::function<void()> f);

private:
    struct sink; // what it takes of Boost.Log is dear to compile

    std::unique_ptr<sink> sink_;
};

} // namespace test

#endif
