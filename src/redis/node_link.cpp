// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "node_link.hpp"

#include "deployment.hpp"
#include "error_replies.hpp"

#include <boost/asio/append.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/redis/error.hpp>
#include <boost/redis/logger.hpp>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <new>
#include <random>
#include <span>
#include <string_view>
#include <utility>

namespace priority_redlock::detail::redis {

namespace asio = boost::asio;
namespace resp3 = boost::redis::resp3;
using namespace std::chrono_literals;
using parse_event = boost::redis::any_adapter::parse_event;

namespace {

constexpr duration shortest_pause = 50ms;
constexpr duration longest_pause = 2s;

/// The oldest server whose scripts may call TIME and then write.
constexpr int oldest_major = 6;
constexpr int oldest_minor = 2;

boost::redis::config with_own_reconnection(boost::redis::config c)
{
    c.reconnect_wait_interval = duration::zero(); // the link has to know when a connection begins and ends
    return c;
}

template <class Load>
void read_file(const char* option, const std::string& file, Load load)
{
    if (file.empty())
        return;
    error_code ec;
    load(ec);
    if (ec)
        throw boost::system::system_error(ec, std::string("redis_options::") + option + " '" + file + '\'');
}

/// With what the files hold now.
asio::ssl::context make_tls(const boost::redis::config& config, const redis_options& options)
{
    asio::ssl::context tls(asio::ssl::context::tls_client);
    if (!config.use_ssl)
        return tls;
    tls.set_verify_mode(asio::ssl::verify_peer);
    tls.set_verify_callback(asio::ssl::host_name_verification(config.addr.host));
    if (options.tls_ca_file.empty())
        tls.set_default_verify_paths();
    read_file("tls_ca_file", options.tls_ca_file,
              [&](error_code& ec) { tls.load_verify_file(options.tls_ca_file, ec); });
    read_file("tls_certificate_file", options.tls_certificate_file,
              [&](error_code& ec) { tls.use_certificate_chain_file(options.tls_certificate_file, ec); });
    read_file("tls_key_file", options.tls_key_file,
              [&](error_code& ec) { tls.use_private_key_file(options.tls_key_file, asio::ssl::context::pem, ec); });
    return tls;
}

/// A line of the reply to INFO.
std::string_view info(std::string_view text, std::string_view key)
{
    for (std::size_t at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
        if ((at != 0 && text[at - 1] != '\n') || text.substr(at + key.size(), 1) != ":")
            continue;
        text.remove_prefix(at + key.size() + 1);
        return text.substr(0, text.find_first_of("\r\n"));
    }
    return {};
}

bool is_too_old(std::string_view version)
{
    int major = 0;
    int minor = 0;
    const char* const end = version.data() + version.size();
    const auto [dot, ec] = std::from_chars(version.data(), end, major);
    if (ec == std::errc() && dot != end)
        std::from_chars(dot + 1, end, minor);
    return major < oldest_major || (major == oldest_major && minor < oldest_minor);
}

/// What to do about a connection that could not be made or has ended, if that can be told.
std::string cure_of(error_code ec, std::string_view reason)
{
    if (const error_reply* const known = find_error_reply(reason))
        return ". It " + std::string(known->cure);
    if (ec == asio::error::no_descriptors)
        return ". See the limit of open files of this process";
    if (ec == asio::error::eof)
        return ". The server has closed it: see its log";
    if (ec == boost::redis::error::invalid_data_type)
        return ". Is it a Redis server, and is TLS used on both sides or on neither?";
    if (ec == boost::redis::error::resolve_timeout)
        return ". See the name service of the system";
    return {};
}

/// Why a connection could not be made. Asio says of a socket that could not be opened that it was aborted, which
/// Boost.Redis takes for a timeout.
error_code cause_of(error_code ec, const asio::any_io_executor& ex)
{
    if (ec != boost::redis::error::connect_timeout)
        return ec;
    error_code failed;
    asio::ip::tcp::socket(ex).open(asio::ip::tcp::v4(), failed);
    return failed ? failed : ec;
}

bool is_error(const resp3::node_view& part) noexcept
{
    return part.data_type == resp3::type::simple_error || part.data_type == resp3::type::blob_error;
}

} // namespace

node_link::node_link(std::size_t node, const asio::any_io_executor& ex, boost::redis::config config,
                     const redis_options& options, const script_texts& texts, link_events& events)
    : node_(node), config_(with_own_reconnection(std::move(config))), options_(options), texts_(texts), events_(events),
      executor_(ex),
      resolver_(asio::query(ex, asio::execution::context), ex, options.node_timeout,
                [this](std::string why) { old_address_ = ". " + std::move(why) + ": its last address is used"; }),
      pause_(ex), jittered_(std::random_device()()), scripts_(texts, options.prefix)
{
    make_tls(config_, options_); // throws if the files are bad
}

// --- the connection --------------------------------------------------------------------------------------------------

std::shared_ptr<node_link::socket> node_link::make_socket()
{
    boost::redis::logger log(
        boost::redis::logger::level::info, [this](boost::redis::logger::level level, std::string_view text) {
            if (level <= boost::redis::logger::level::err || text.find("rror") != std::string_view::npos)
                last_error_ = text;
        });
    auto result = std::make_shared<socket>(link_executor(executor_, resolver_.borrow()), make_tls(config_, options_),
                                           std::move(log));
    boost::redis::any_adapter pushes(
        [this](parse_event event, const resp3::node_view& part, boost::system::error_code&) {
            try {
                read_push(event, part);
            } catch (const std::bad_alloc&) {
                push_.clear(); // too short now, and so not taken for one
            }
        });
    result->set_receive_response(pushes);
    return result;
}

void node_link::start()
{
    if (std::exchange(running_, true))
        return;
    failures_ = 0;
    if (!run_pending_)
        run();
}

void node_link::stop()
{
    if (!std::exchange(running_, false))
        return;
    pause_.cancel();
    if (const auto s = std::exchange(socket_, nullptr))
        s->cancel();
    if (lose_answers()) // nobody can be asked until there is another connection
        events_.on_down(node_);
}

/// Does what the connection needs. Without memory for it the connection ends, and there is another one.
template <class Function>
void node_link::or_give_up(Function f)
{
    try {
        f();
    } catch (const std::bad_alloc&) {
        give_up_connection();
    }
}

void node_link::run()
{
    or_give_up([this] { connect(); });
}

/// Something that it needs could not be done for want of memory.
void node_link::give_up_connection()
{
    if (run_pending_ && socket_)
        socket_->cancel(boost::redis::operation::run);
    else if (running_ && !run_pending_)
        run_after(next_pause());
}

void node_link::connect()
{
    refused_ = may_pass_ = false;
    last_error_.clear();
    old_address_.clear();
    try {
        socket_ = make_socket(); // each time, since the files of TLS may have changed
    } catch (const std::exception& e) {
        events_.on_complaint(node_, complaint(std::string("cannot be used: ") + e.what()));
        run_after(next_pause());
        return;
    }
    socket_->async_run(config_, [this, used = use()](error_code ec) {
        used.on->cancel(); // it is not run again
        or_give_up([&] { on_run_ended(ec); });
    });
    run_pending_ = true;

    auto s = std::make_shared<setup>();
    // First, since no reply to it is expected: if it is refused, the error is taken for the reply to the next command.
    subscribed_ = channels_;
    if (!channels_.empty())
        s->request.push_range("SUBSCRIBE", channels_);
    for (const char* section : {"server", "replication"})
        s->request.push("INFO", section);
    boost::redis::any_adapter adapter([s](parse_event event, const resp3::node_view& part, boost::system::error_code&) {
        if (event == parse_event::node && part.depth == 0) {
            s->replies.emplace_back(part.value);
            s->errors.push_back(is_error(part));
        }
    });
    socket_->async_exec(s->request, std::move(adapter), [this, s, used = use()](error_code ec, std::size_t) {
        if (!ec && used.on == socket_) // else the run has ended, or will
            or_give_up([&] { on_set_up(*s); });
    });
    receive();
}

void node_link::on_set_up(setup& s)
{
    if (const auto bad = std::find(s.errors.begin(), s.errors.end(), true); bad != s.errors.end()) {
        const std::string& text = s.replies[static_cast<std::size_t>(bad - s.errors.begin())];
        const error_reply* const known = find_error_reply(text);
        refuse(complaint_about(text), known && known->passes);
        return;
    }
    constexpr std::size_t sections = 2;
    if (s.replies.size() < sections) {
        refuse(complaint("gave too few replies: is it a Redis server?"));
        return;
    }
    std::string run_id(info(s.replies[0], "run_id"));
    const std::string_view version = info(s.replies[0], "redis_version");
    if (run_id.empty() || version.empty()) {
        refuse(complaint("does not say who it is: is it a Redis server?"));
        return;
    }
    if (is_too_old(version)) {
        refuse(complaint("is of version " + std::string(version) + ": 6.2 or newer is needed"));
        return;
    }
    if (const auto role = info(s.replies[1], "role"); role != "master") {
        refuse(complaint("is a " + std::string(role) + ": name a master, nodes are independent of each other"));
        return;
    }
    if (info(s.replies[0], "redis_mode") == "cluster") {
        refuse(complaint("is part of a cluster: name independent servers"));
        return;
    }
    scripts_.begin(std::move(run_id));
    up_ = true;
    failures_ = 0;
    if (!old_address_.empty())
        events_.on_complaint(node_, complaint("may have moved" + old_address_));
    change_channels();
    events_.on_up(node_, scripts_.run_id());
}

/// What is wrong may pass by itself.
void node_link::refuse(const complaint& why, bool may_pass)
{
    refused_ = true;
    may_pass_ = may_pass;
    events_.on_complaint(node_, why);
    socket_->cancel(boost::redis::operation::run);
}

void node_link::on_run_ended(error_code ec)
{
    run_pending_ = false;
    const bool was_stopped = !std::exchange(socket_, nullptr);
    const bool was_up = lose_answers();
    if (was_up)
        events_.on_down(node_);
    if (!running_)
        return;
    if (was_stopped) { // it was stopped, and started before that was done
        run();
        return;
    }
    ec = cause_of(ec, executor_);
    // The connection's log often says the same error, or only that something was cancelled for it.
    const auto says = [this](error_code e) { return last_error_.find(e.message()) != last_error_.npos; };
    const bool says_more = !last_error_.empty() && !says(ec) && !says(asio::error::operation_aborted);
    if (!refused_)
        events_.on_complaint(node_,
                             {(was_up ? "is lost: " : "cannot be used: ") + ec.message(),
                              (says_more ? " (" + last_error_ + ")" : "") + cure_of(ec, last_error_) + old_address_});
    run_after(refused_ && !may_pass_ ? pause_after_refusal(options_) : next_pause());
}

/// After a failure. Clients whose server has gone do not come back all at once.
duration node_link::next_pause()
{
    // An acquire that waits for a quorum should not fail for want of a try.
    const duration longest = std::clamp(options_.quorum_timeout / 4, shortest_pause, longest_pause);
    return jittered_.spread(std::min(shortest_pause * (1 << std::min(failures_++, 6u)), longest));
}

/// What was asked for over the connection. Whether it could be used until now.
bool node_link::lose_answers()
{
    const bool was_up = std::exchange(up_, false); // what the lost answers lead to is lost too, not sent to the next
    for (const auto& each : sent_)
        answer_rest(*each);
    if (next_) {
        answer_rest(*next_);
        next_ = nullptr;
    }
    events_.on_arrival();
    return was_up;
}

void node_link::run_after(duration pause)
{
    try {
        pause_.expires_after(pause);
        pause_.async_wait([this, kept = events_.self()](error_code cancelled) {
            if (!cancelled && running_ && !run_pending_)
                run();
        });
    } catch (const std::bad_alloc&) { // the next flush connects
        pause_is_lost_ = true;
    }
}

// --- pushes ----------------------------------------------------------------------------------------------------------

void node_link::subscribe(std::set<std::string>& channel)
{
    channels_.merge(channel);
    update_channels();
}

void node_link::unsubscribe(const std::string& channel)
{
    channels_.erase(channel);
    update_channels();
}

/// The next connection has all channels from its start.
void node_link::update_channels()
{
    if (up_ && socket_)
        or_give_up([this] { change_channels(); });
}

/// To those that are wanted now.
void node_link::change_channels()
{
    auto request = std::make_shared<boost::redis::request>();
    const auto push = [&request](std::string_view command, const auto& of, const auto& without) {
        std::vector<std::string> difference;
        std::set_difference(of.begin(), of.end(), without.begin(), without.end(), std::back_inserter(difference));
        if (!difference.empty())
            request->push_range(command, difference);
    };
    push("SUBSCRIBE", channels_, subscribed_);
    push("UNSUBSCRIBE", subscribed_, channels_);
    if (request->get_commands() == 0)
        return;
    subscribed_ = channels_;
    // Boost.Redis takes what arrives for a push as long as the first request in its queue expects no reply and its
    // write has not been completed. So it would lose the reply to the next request, and give each of the following ones
    // to the request after its own.
    request->push("PING");
    // If it is refused, that is taken for the reply to PING, and each later one would be that of another request: none
    // is read any more.
    boost::redis::any_adapter adapter(
        [this, on = socket_.get()](parse_event event, const resp3::node_view& part, boost::system::error_code&) {
            if (event != parse_event::node || !is_error(part) || on != socket_.get())
                return;
            refused_ = true;
            for (const auto& each : sent_)
                answer_rest(*each);
        });
    socket_->async_exec(*request, std::move(adapter), [this, request, used = use()](error_code, std::size_t) {
        if (refused_ && used.on == socket_)
            or_give_up([this] {
                refuse(complaint(
                    "refuses SUBSCRIBE or UNSUBSCRIBE. See doc/redis.md, Access, for the ACL that its user needs"));
            });
    });
}

/// The connection does not go on unless it is told that pushes are taken.
void node_link::receive()
{
    socket_->async_receive2([this, used = use()](error_code ec) {
        events_.on_arrival();
        if (!ec && used.on == socket_)
            or_give_up([this] { receive(); });
    });
}

void node_link::read_push(parse_event event, const resp3::node_view& part)
{
    switch (event) {
    case parse_event::init: push_.clear(); break;
    case parse_event::node:
        if (part.depth == 1)
            push_.emplace_back(part.value);
        break;
    case parse_event::done:
        if (push_.size() == 3 && push_[0] == "message")
            events_.on_push(node_, std::move(push_[2]));
        break;
    }
}

// --- calls -----------------------------------------------------------------------------------------------------------

std::shared_ptr<node_link::batch> node_link::new_batch()
{
    if (spare_.empty())
        return std::make_shared<batch>();
    auto result = std::move(spare_.back());
    spare_.pop_back();
    return result;
}

void node_link::add(call c)
{
    if (!up_ || !socket_) {
        events_.on_answer(std::move(c), {});
        return;
    }
    try {
        if (!next_)
            next_ = new_batch();
        next_->calls.push_back(std::move(c));
    } catch (const std::bad_alloc&) {
        events_.on_answer(std::move(c), {});
    }
}

void node_link::flush()
{
    if (std::exchange(pause_is_lost_, false) && running_ && !run_pending_)
        run();
    if (!next_ || !socket_ || refused_)
        return;
    try {
        sent_.push_back(next_);
    } catch (const std::bad_alloc&) {
        answer_rest(*std::exchange(next_, nullptr));
        events_.on_arrival();
        return;
    }
    const auto b = std::exchange(next_, nullptr);
    try {
        send(b);
    } catch (const std::bad_alloc&) { // it may be sent in part
        answer_rest(*b);
        give_up_connection();
        events_.on_arrival();
    }
}

void node_link::send(const std::shared_ptr<batch>& b)
{
    for (std::span<const call> rest = b->calls; !rest.empty(); rest = rest.subspan(b->runs.back()))
        b->runs.push_back(scripts_.add_run(rest, b->request));
    boost::redis::any_adapter adapter(
        [this, raw = b.get()](parse_event event, const resp3::node_view& part, boost::system::error_code& ec) {
            try {
                read(*raw, event, part);
            } catch (const std::bad_alloc&) { // the connection ends
                ec = asio::error::no_memory;
            }
        });
    socket_->async_exec(b->request, std::move(adapter), [this, b, used = use()](error_code, std::size_t) {
        answer_rest(*b);
        std::erase(sent_, b);
        b->request.clear();
        b->calls.clear();
        b->runs.clear();
        b->run = b->answered = 0;
        b->reader = {};
        b->over = false;
        if (spare_.size() < 8)
            spare_.push_back(b);
        events_.on_arrival();
    });
}

void node_link::read(batch& b, parse_event event, const resp3::node_view& part)
{
    if (b.over)
        return;
    if (event == parse_event::node) {
        b.reader.add(part);
    } else if (event == parse_event::done && b.run < b.runs.size()) {
        const std::span<call> run(b.calls.data() + b.answered, b.runs[b.run++]);
        std::vector<answer> answers = scripts_.take(b.reader, run);
        b.answered += run.size();
        for (std::size_t i = 0; i < run.size(); ++i)
            events_.on_answer(std::move(run[i]), std::move(answers[i]));
    }
}

void node_link::answer_rest(batch& b) noexcept
{
    if (std::exchange(b.over, true))
        return;
    for (; b.answered < b.calls.size(); ++b.answered)
        events_.on_answer(std::move(b.calls[b.answered]), {});
}

} // namespace priority_redlock::detail::redis
