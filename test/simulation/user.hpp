// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_TEST_SIMULATION_USER_HPP
#define PRIORITY_REDLOCK_TEST_SIMULATION_USER_HPP

#include "simulation/chooser.hpp"
#include "simulation/judges.hpp"
#include "simulation/world_options.hpp"

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/lock.hpp>
#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/cancellation_signal.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace simulation {

class process;

/// Takes locks, one after the other, uses them and lets go of them, by what `habits` say. Goes when it is told to,
/// unless it is stubborn. Tells the judges of all that it asks for and hears.
class user
{
public:
    user(process& p, priority_redlock::lock_manager& m, std::uint32_t manager, std::uint32_t index);

    void begin();

    /// Does this, and nothing else.
    void run(const errand& e);

private:
    struct engagement
    {
        usage facts;
        priority_redlock::lock held;
        boost::asio::cancellation_signal stop;
        const errand* plan = nullptr;
        bool is_deeper = false; // beside another one of this user
    };

    using pointer = std::shared_ptr<engagement>;

    void rest();
    [[nodiscard]] pointer plan();
    [[nodiscard]] priority_redlock::acquire_options options_of(const usage& u) const;
    void acquire(const pointer& e);
    void acquire_deeper(const pointer& below);
    void on_acquired(const pointer& e, error_code ec, priority_redlock::lock l);
    void wait(const pointer& e);
    void extend(const pointer& e);
    void let_go(const pointer& e);
    void note(const pointer& e, const std::string& what);

    [[nodiscard]] decision about(const char* what) const;
    [[nodiscard]] bool chance(double probability, const char* what);
    template <class Function>
    [[nodiscard]] auto recorded(const char* what, Function f);

    process& process_;
    priority_redlock::lock_manager& manager_;
    const std::uint32_t manager_number_;
    const std::uint32_t index_;
    const habits& habits_;
};

} // namespace simulation

#endif
