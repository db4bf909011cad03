// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "common/log_capture.hpp"

#include <boost/log/core.hpp>
#include <boost/log/sinks/basic_sink_backend.hpp>
#include <boost/log/sinks/unlocked_frontend.hpp>
#include <boost/smart_ptr/make_shared.hpp>

#include <algorithm>
#include <utility>

namespace test {

namespace {

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

    std::vector<log_capture::record> records;
    std::function<void()> on_record;
};

} // namespace

struct log_capture::sink
{
    boost::shared_ptr<collector> backend = boost::make_shared<collector>();
    boost::shared_ptr<boost::log::sinks::unlocked_sink<collector>> frontend =
        boost::make_shared<boost::log::sinks::unlocked_sink<collector>>(backend);
};

log_capture::log_capture(const boost::log::filter& filter) : sink_(std::make_unique<sink>())
{
    sink_->frontend->set_filter(filter);
    boost::log::core::get()->add_sink(sink_->frontend);
}

log_capture::~log_capture()
{
    boost::log::core::get()->remove_sink(sink_->frontend);
}

const std::vector<log_capture::record>& log_capture::records() const noexcept
{
    return sink_->backend->records;
}

void log_capture::clear()
{
    sink_->backend->records.clear();
}

std::size_t log_capture::count(std::string_view word) const
{
    return static_cast<std::size_t>(
        std::ranges::count_if(records(), [word](const record& r) { return r.text.starts_with(word); }));
}

void log_capture::on_record(std::function<void()> f)
{
    sink_->backend->on_record = std::move(f);
}

} // namespace test
