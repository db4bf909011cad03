// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_COMMON_LOG_CAPTURE_HPP
#define PRIORITY_REDLOCK_TEST_COMMON_LOG_CAPTURE_HPP

#include <boost/log/attributes/value_extraction.hpp>
#include <boost/log/core.hpp>
#include <boost/log/expressions.hpp>
#include <boost/log/sinks/basic_sink_backend.hpp>
#include <boost/log/sinks/unlocked_frontend.hpp>
#include <boost/log/trivial.hpp>
#include <boost/smart_ptr/make_shared.hpp>

#include <functional>
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
    explicit log_capture(const boost::log::filter& filter = {})
    {
        sink_->set_filter(filter);
        boost::log::core::get()->add_sink(sink_);
    }
    log_capture(const log_capture&) = delete;
    log_capture& operator=(const log_capture&) = delete;
    ~log_capture() { boost::log::core::get()->remove_sink(sink_); }

    [[nodiscard]] const std::vector<record>& records() const noexcept { return backend_->records; }
    void clear() { backend_->records.clear(); }

    /// How many lines begin with this word.
    [[nodiscard]] std::size_t count(std::string_view word) const
    {
        std::size_t n = 0;
        for (const record& r : backend_->records)
            n += r.text.substr(0, word.size()) == word ? 1 : 0;
        return n;
    }

    /// Called with each record; may throw.
    void on_record(std::function<void()> f) { backend_->on_record = std::move(f); }

private:
    struct collector : boost::log::sinks::basic_sink_backend<boost::log::sinks::concurrent_feeding>
    {
        void consume(const boost::log::record_view& view)
        {
            const auto channel = boost::log::extract<std::string>("Channel", view);
            if (!channel || *channel != "priority_redlock")
                return;
            const auto severity = boost::log::extract<boost::log::trivial::severity_level>("Severity", view);
            const auto text = boost::log::extract<std::string>("Message", view);
            records.push_back({text ? *text : std::string(), severity ? *severity : boost::log::trivial::fatal, view});
            if (on_record)
                on_record();
        }

        std::vector<record> records;
        std::function<void()> on_record;
    };

    boost::shared_ptr<collector> backend_ = boost::make_shared<collector>();
    boost::shared_ptr<boost::log::sinks::unlocked_sink<collector>> sink_ =
        boost::make_shared<boost::log::sinks::unlocked_sink<collector>>(backend_);
};

} // namespace test

#endif
