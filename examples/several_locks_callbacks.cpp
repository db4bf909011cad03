// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Two apps play with one light each; security takes both and locks the apps out for as long as it runs.
//
// Whoever needs several locks acquires them one after the other, all in the same order (here: sorted by name), or two
// of them may each wait for what the other has. Whatever goes wrong on the way, none is kept.

#include "store.hpp"

#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using priority_redlock::acquire_options;
using priority_redlock::error_code;
using priority_redlock::lock;
using priority_redlock::lock_manager;

bool security_runs = false;
bool locked_out = true; // no app has played while security ran
int finished = 0;

/// Delivers all the locks, or an error and none.
class acquire_all_op : public std::enable_shared_from_this<acquire_all_op>
{
public:
    using handler_type = std::function<void(error_code, std::vector<lock>)>;

    acquire_all_op(lock_manager& manager, std::vector<std::string> resources, std::string locker,
                   const acquire_options& options, handler_type handler)
        : manager_(manager), resources_(std::move(resources)), locker_(std::move(locker)), options_(options),
          handler_(std::move(handler))
    {
        std::ranges::sort(resources_);
    }

    void acquire_next()
    {
        if (locks_.size() == resources_.size())
            return finish();
        manager_.async_acquire(resources_[locks_.size()], locker_, options_,
                               [self = shared_from_this()](error_code error, lock granted) {
                                   if (error)
                                       return self->give_up(error);
                                   self->locks_.push_back(std::move(granted));
                                   self->acquire_next();
                               });
    }

private:
    void finish()
    {
        // The first ones may have been taken away while the last one was waited for.
        if (!std::ranges::all_of(locks_, &lock::is_held))
            return give_up(asio::error::operation_aborted);
        handler_({}, std::move(locks_));
    }

    void give_up(error_code error)
    {
        locks_.clear(); // releases
        handler_(error, {});
    }

    lock_manager& manager_;
    std::vector<std::string> resources_;
    std::string locker_;
    acquire_options options_;
    handler_type handler_;
    std::vector<lock> locks_;
};

void security(lock_manager& manager)
{
    const auto flash = [&manager](error_code error, std::vector<lock> lights) {
        if (error) {
            std::cout << "security: " << error.message() << '\n';
            return;
        }
        std::cout << "security: has both lights\n";
        security_runs = true;
        auto timer = std::make_shared<asio::steady_timer>(manager.get_executor(), 100ms);
        timer->async_wait([timer, held = std::move(lights)](error_code) mutable {
            security_runs = false;
            ++finished;
            std::cout << "security: done\n";
            held.clear(); // releases
        });
    };
    std::make_shared<acquire_all_op>(manager, std::vector<std::string>{"kitchen light", "bedroom light"}, "security",
                                     acquire_options{.priority = 100}, flash)
        ->acquire_next();
}

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
    lock_manager manager = example::make_manager(context, argc, argv);

    fun_app kitchen(manager, "kitchen light", 4);
    fun_app bedroom(manager, "bedroom light", 4);
    kitchen.start();
    bedroom.start();
    asio::steady_timer alarm(context, 75ms);
    alarm.async_wait([&](error_code) { security(manager); });
    context.run();

    return finished == 3 && locked_out ? 0 : 1;
}
