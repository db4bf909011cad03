// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Two apps play with one light each; security takes both and locks the apps out for as long as it runs.
//
// async_acquire_all delivers all locks as one, or none. Several of these operations never wait for each other in a
// circle, whatever the order of their requests.

#include "store.hpp"

#include <priority_redlock/acquire_all.hpp>
#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using priority_redlock::acquire_options;
using priority_redlock::error_code;
using priority_redlock::infinite;
using priority_redlock::lock;
using priority_redlock::lock_manager;
using priority_redlock::lock_request;

bool security_runs = false;
bool locked_out = true; // no app has played while security ran
int finished = 0;

// [callbacks]
void security(lock_manager& manager)
{
    constexpr acquire_options first{.priority = 100};
    std::vector<lock_request> lights{{"kitchen light", first}, {"bedroom light", first}};
    async_acquire_all(manager, "security", std::move(lights), infinite, [&manager](error_code error, lock both) {
        if (error)
            return void(std::cout << "security: " << error.message() << '\n');
        std::cout << "security: has both lights\n";
        security_runs = true;
        auto flashing = std::make_shared<asio::steady_timer>(manager.get_executor(), 100ms);
        flashing->async_wait([flashing, both = std::move(both)](error_code) mutable {
            security_runs = false;
            ++finished;
            std::cout << "security: done\n";
            both.release();
        });
    });
}
// [/callbacks]

/// Plays with a light, a move every 30 ms; when it is told to go it queues again and plays on.
class fun_app
{
public:
    fun_app(lock_manager& manager, std::string light, int moves)
        : manager_(manager), timer_(manager.get_executor()), light_(std::move(light)), moves_(moves)
    {
    }

    void start()
    {
        manager_.async_acquire(light_, "fun with the " + light_, {}, [this](error_code error, lock granted) {
            if (error)
                return;
            held_ = std::move(granted);
            std::cout << light_ << ": has it\n";
            play();
        });
    }

private:
    void play()
    {
        timer_.expires_after(30ms);
        timer_.async_wait(held_.guard([this](error_code told_to_go) {
            if (told_to_go) {
                std::cout << light_ << ": told to go, " << moves_ << " moves left\n";
                held_.release();
                return start();
            }
            locked_out = locked_out && !security_runs;
            if (--moves_ > 0)
                return play();
            held_.release();
            ++finished;
            std::cout << light_ << ": done\n";
        }));
    }

    lock_manager& manager_;
    asio::steady_timer timer_;
    std::string light_;
    int moves_;
    lock held_;
};

int main(int argc, char* argv[])
{
    asio::io_context context;
    lock_manager manager = example::make_manager(
        context, argc, argv, "Two apps play with a light each, and security takes both, with callbacks.");

    fun_app kitchen(manager, "kitchen light", 4);
    fun_app bedroom(manager, "bedroom light", 4);
    kitchen.start();
    bedroom.start();
    asio::steady_timer alarm(context, 75ms);
    alarm.async_wait([&](error_code) { security(manager); });
    context.run();

    return finished == 3 && locked_out ? 0 : 1;
}
