// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Several workers hear of each new video and agree on who processes it: the less a worker has done, the higher its
// priority. One attempt each; a worker that is too late leaves the video to the other at once. One that has the video
// taken away by a less busy one undoes what it did.
//
// There is no queue and no coordinator, only the name of the video.

#include "store.hpp"

#include <priority_redlock/lock_manager.hpp>
#include <priority_redlock/synchronized.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace priority_redlock;

struct video
{
    std::string name;
    std::string stored_by; // empty: not processed
    std::string half_done; // by whom
    int times_stored = 0;
};

class worker
{
public:
    worker(lock_manager& manager, std::string name) : manager_(manager), name_(std::move(name)) {}

    [[nodiscard]] int processed() const noexcept { return processed_; }

    // [worker]
    void hear_of(video& v)
    {
        const synchronized lock_of_video(manager_, v.name, v, {.priority = -processed_, .max_attempts = 1});

        const auto process = [this](video& mine, transaction_context& transaction) -> asio::awaitable<void> {
            asio::steady_timer work(transaction.get_executor(), 20ms);
            mine.half_done = name_;
            co_await transaction.step(work.async_wait());
            mine.half_done.clear();
            mine.stored_by = name_;
            ++mine.times_stored;
            ++processed_;
            std::cout << name_ << ": stored " << mine.name << '\n';
        };
        const auto roll_back = [this](video& mine, transaction_context&) -> asio::awaitable<void> {
            std::cout << name_ << ": rolls back " << mine.name << '\n';
            if (mine.half_done == name_)
                mine.half_done.clear();
            co_return;
        };

        // The roll-back waits for its turn, however long that takes.
        lock_of_video.async_run(process, replace(roll_back, {.max_attempts = unlimited}),
                                [this, &v](std::exception_ptr e) {
                                    try {
                                        if (e)
                                            std::rethrow_exception(e);
                                    } catch (const boost::system::system_error& error) {
                                        if (error.code() == condition::busy)
                                            std::cout << name_ << ": somebody else has " << v.name << '\n';
                                        else
                                            std::cout << name_ << ": " << error.what() << '\n';
                                    }
                                });
    }
    // [/worker]

private:
    lock_manager& manager_;
    std::string name_;
    int processed_ = 0;
};

int main(int argc, char* argv[])
{
    asio::io_context context;
    lock_manager manager = example::make_manager(
        context, argc, argv, "Workers agree on who processes each video: the one that has done least.");
    std::vector<worker> workers;
    for (const char* name : {"anna", "bert", "cleo"})
        workers.emplace_back(manager, name);

    std::vector<video> videos;
    for (const char* name : {"cats.mp4", "dogs.mp4", "owls.mp4", "bees.mp4", "ants.mp4", "bats.mp4"})
        videos.push_back({name, {}, {}, 0});

    // A video comes in every 150 ms. All workers hear of it, one after the other, anna first.
    asio::steady_timer arrival(context);
    std::size_t next = 0;
    const auto publish = [&](auto& again) -> void {
        if (next == videos.size())
            return;
        video& v = videos[next++];
        std::cout << "new: " << v.name << '\n';
        for (worker& w : workers)
            w.hear_of(v);
        arrival.expires_after(150ms);
        arrival.async_wait([&again](error_code) { again(again); });
    };
    publish(publish);
    context.run();

    for (const video& v : videos)
        if (v.times_stored != 1 || !v.half_done.empty())
            return 1;
    // Everybody had something to do.
    return std::ranges::all_of(workers, [](const worker& w) { return w.processed() == 2; }) ? 0 : 1;
}
