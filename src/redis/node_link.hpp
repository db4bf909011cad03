// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_REDIS_NODE_LINK_HPP
#define PRIORITY_REDLOCK_SRC_REDIS_NODE_LINK_HPP

// The connection to one node, which comes back when it is lost.
//
// A new connection is set up before anything else is sent: channels are subscribed to, and the server says who it is. A
// server that cannot take part is tried again later. Scripts are called by their hash; the text is sent to a server
// that lacks it.
//
// Calls are noted, and sent together by the next flush. All that arrives is told in its order: answers to calls, and
// the messages that the server pushes. When the connection ends, the calls that are left are answered with `lost`.

#include "complaints.hpp"
#include "jitter.hpp"
#include "node_resolver.hpp"
#include "script_calls.hpp"

#include <priority_redlock/redis_options.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/redis/adapter/any_adapter.hpp>
#include <boost/redis/connection.hpp>

#include <array>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace priority_redlock::detail::redis {

/// What a node's link tells, on the link's executor.
class link_events
{
public:
    /// There is a connection to a server that can take part, and the channels are subscribed to.
    virtual void on_up(std::size_t node, std::string run_id) = 0;

    /// It has ended, after `on_answer` for all calls.
    virtual void on_down(std::size_t node) = 0;

    /// The server cannot take part or cannot be reached.
    virtual void on_complaint(std::size_t node, const complaint& what) = 0;

    /// In the order in which they arrive, from within the parser: only to be noted. `on_arrival` follows.
    virtual void on_answer(call c, answer a) noexcept = 0;
    virtual void on_push(std::size_t node, std::string message) noexcept = 0;
    virtual void on_arrival() = 0;

    /// Keeps the link alive.
    [[nodiscard]] virtual std::shared_ptr<link_events> self() = 0;

protected:
    ~link_events() = default;
};

/// Used on one implicit strand.
class node_link
{
public:
    node_link(std::size_t node, const boost::asio::any_io_executor& ex, boost::redis::config config,
              const redis_options& options, const script_texts& texts, link_events& events);

    node_link(const node_link&) = delete;
    node_link& operator=(const node_link&) = delete;

    void start();
    void stop();

    /// A channel to listen to, until it is unsubscribed from: moved out of the set, which takes no memory.
    void subscribe(std::set<std::string>& channel);
    void unsubscribe(const std::string& channel);

    /// Notes a call, to be sent with the next flush.
    void add(call c);
    void flush();

private:
    /// Calls that are sent together.
    struct batch
    {
        boost::redis::request request;
        std::vector<call> calls;
        std::vector<std::size_t> runs; // how many of the calls each run of a script answers
        std::size_t run = 0;           // whose reply is next
        std::size_t answered = 0;
        answer_reader reader;
        bool over = false; // its calls have been answered
    };

    using socket = boost::redis::basic_connection<link_executor>;

    /// What an operation on the connection keeps alive. The socket is closed when the last one has ended after a stop.
    struct in_use
    {
        std::shared_ptr<link_events> owner;
        std::shared_ptr<socket> on; // goes first: its log is the link's
    };

    /// What is asked first over every new connection.
    struct setup
    {
        boost::redis::request request;
        std::vector<std::string> replies;
        std::vector<bool> errors;
    };

    [[nodiscard]] std::shared_ptr<socket> make_socket();
    [[nodiscard]] in_use use() { return {events_.self(), socket_}; }
    template <class Function>
    void or_give_up(Function f);
    void run();
    void connect();
    void give_up_connection();
    void run_after(duration pause);
    [[nodiscard]] duration next_pause();
    void on_run_ended(error_code ec);
    void on_set_up(setup& s);
    void refuse(const complaint& why, bool may_pass = false);
    bool lose_answers();
    void update_channels();
    void change_channels();
    void receive();
    void send(const std::shared_ptr<batch>& b);
    void read(batch& b, boost::redis::any_adapter::parse_event event, const boost::redis::resp3::node_view& part);
    void answer_rest(batch& b) noexcept;
    void read_push(boost::redis::any_adapter::parse_event event, const boost::redis::resp3::node_view& part);
    [[nodiscard]] std::shared_ptr<batch> new_batch();

    const std::size_t node_;
    const boost::redis::config config_;
    const redis_options& options_;
    const script_texts& texts_;
    link_events& events_;
    std::string last_error_;  // of the connection's log
    std::string old_address_; // why it is used, if it is
    const boost::asio::any_io_executor executor_;
    const shutdown_registration<node_resolver> resolver_;
    std::shared_ptr<socket> socket_; // of the latest run
    boost::asio::steady_timer pause_;
    std::set<std::string> channels_;
    std::set<std::string> subscribed_; // to these, on this connection
    jitter jittered_;
    script_session scripts_;
    std::shared_ptr<batch> next_;
    std::vector<std::shared_ptr<batch>> sent_;
    std::vector<std::shared_ptr<batch>> spare_;
    std::vector<std::string> push_;
    bool running_ = false; // wanted
    bool run_pending_ = false;
    bool pause_is_lost_ = false; // there was no memory to wait
    bool up_ = false;
    unsigned failures_ = 0; // in a row
    bool refused_ = false;
    bool may_pass_ = false; // why it is refused
};

} // namespace priority_redlock::detail::redis

#endif
