// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "../../examples/file_protocol.hpp"

#include <priority_redlock/testing/conformance.hpp>
#include <priority_redlock/testing/memory_protocol.hpp>
#include <priority_redlock/testing/unreliable_protocol.hpp>

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace priority_redlock::testing {

namespace {

const conformance_subject memory{
    .make = [](const boost::asio::any_io_executor& ex) { return std::make_shared<memory_protocol>(ex); },
};

conformance_subject unreliable(const unreliable_options& options)
{
    return {.make = [options](const boost::asio::any_io_executor& ex) {
        return std::make_shared<unreliable_protocol>(ex, std::make_shared<memory_protocol>(ex), options);
    }};
}

/// The locks of a file, which goes with it.
class own_file final : public protocol
{
public:
    /// Those of two processes, as it were: managers are divided among as many objects as there are processes.
    own_file(const boost::asio::any_io_executor& ex, std::size_t processes)
    {
        std::string name = (std::filesystem::temp_directory_path() / "priority_redlock.XXXXXX").string();
        if (!::mkdtemp(name.data()))
            throw std::runtime_error("no directory for a file of locks");
        directory_ = name;
        for (std::size_t i = 0; i < processes; ++i)
            processes_.push_back(std::make_shared<example::file_protocol>(ex, name + "/locks"));
    }

    ~own_file() override { std::filesystem::remove_all(directory_); }

    void subscribe(std::uint64_t client, std::weak_ptr<listener> sink) override
    {
        of(client).subscribe(client, std::move(sink));
    }
    void obtain(obtain_request request, handler<obtain_reply> on_reply) override
    {
        of(request.id.client).obtain(std::move(request), std::move(on_reply));
    }
    void end(acquisition_id id, done_handler on_done) override { of(id.client).end(id, std::move(on_done)); }
    [[nodiscard]] duration lease() const noexcept override { return processes_.front()->lease(); }

private:
    protocol& of(std::uint64_t client) { return *processes_[client % processes_.size()]; }

    std::filesystem::path directory_;
    std::vector<std::shared_ptr<protocol>> processes_;
};

conformance_subject file_of(std::size_t processes)
{
    return {.make = [processes](
                        const boost::asio::any_io_executor& ex) { return std::make_shared<own_file>(ex, processes); },
            .unit = std::chrono::milliseconds(50)};
}

void add_suite(std::string_view name, const conformance_subject& subject)
{
    using namespace boost::unit_test;
    auto* suite = BOOST_TEST_SUITE(std::string(name));
    for (const conformance_case& rule : conformance_cases())
        suite->add(make_test_case(
            [&rule, subject] {
                try {
                    rule.run(subject);
                } catch (const conformance_failure& broken) {
                    BOOST_ERROR(rule.name << ": " << broken.what());
                }
            },
            std::string(rule.name), __FILE__, __LINE__));
    framework::master_test_suite().add(suite);
}

} // namespace
} // namespace priority_redlock::testing

boost::unit_test::test_suite* init_unit_test_suite(int, char*[])
{
    using namespace priority_redlock::testing;
    using namespace std::chrono_literals;
    add_suite("memory_protocol", memory);
    add_suite("slow_network", unreliable({.min_delay = 0ms, .max_delay = 3ms}));
    add_suite("lossy_network", unreliable({.max_delay = 2ms, .loss = 0.2, .resend_after = 5ms}));
    add_suite("file_of_one_process", file_of(1));
    add_suite("file_of_two_processes", file_of(2));
    return nullptr;
}
