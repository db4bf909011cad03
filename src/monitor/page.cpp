// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// The answers of a page. Each request is a coroutine on the executor of its connection. What takes long is done in
// turns, between which others run: the snapshot on the manager's executor, its text on the connection's.

#include "event_feed.hpp"
#include "monitor/json_parts.hpp"
#include "monitor/page_text.hpp"
#include "mutex.hpp"

#include <priority_redlock/detail/manager_backend.hpp>
#include <priority_redlock/detail/snapshot_op.hpp>
#include <priority_redlock/json.hpp>
#include <priority_redlock/monitor.hpp>
#include <priority_redlock/prometheus.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/system/errc.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace priority_redlock::detail {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t slice = 128;                 // resources that are filtered or written at a time
constexpr std::size_t most_bytes_a_turn = 1 << 16; // likewise, of their text

// Requests.

int digit_of(char c) noexcept
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/// Without %XX and '+'.
std::string decode(std::string_view text)
{
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && digit_of(text[i + 1]) >= 0 && digit_of(text[i + 2]) >= 0) {
            result += static_cast<char>(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2]));
            i += 2;
        } else {
            result += text[i] == '+' ? ' ' : text[i];
        }
    }
    return result;
}

std::string_view path_of(std::string_view target) noexcept
{
    return target.substr(0, target.find('?'));
}

/// The value of a parameter of the query.
std::optional<std::string> parameter(std::string_view target, std::string_view name)
{
    const auto mark = target.find('?');
    std::string_view rest = mark == target.npos ? std::string_view() : target.substr(mark + 1);
    while (!rest.empty()) {
        const std::string_view each = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(each.size() + 1, rest.size()));
        const auto equals = each.find('=');
        if (each.substr(0, equals) == name)
            return equals == each.npos ? std::string() : decode(each.substr(equals + 1));
    }
    return std::nullopt;
}

std::size_t number(std::string_view target, std::string_view name, std::size_t otherwise)
{
    const std::optional<std::string> text = parameter(target, name);
    std::size_t result = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), result).ec != std::errc())
        return otherwise;
    return result;
}

char lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Whether a text has a part in it, in which letters are small.
bool has(std::string_view text, std::string_view part) noexcept
{
    return std::search(text.begin(), text.end(), part.begin(), part.end(), [](char a, char b) { return lower(a) == b; })
           != text.end();
}

bool has(const resource_snapshot& r, std::string_view part) noexcept
{
    return part.empty() || has(r.resource, part) || has(r.holder.locker_id, part)
           || std::ranges::any_of(r.waiters, [part](const waiter_snapshot& w) { return has(w.locker_id, part); });
}

/// What a person should see first.
bool more_contended(const resource_snapshot& a, const resource_snapshot& b) noexcept
{
    const bool a_goes = a.holder.state == lock_state::revoking, b_goes = b.holder.state == lock_state::revoking;
    if (a_goes != b_goes)
        return a_goes;
    if (a.waiters.size() != b.waiters.size())
        return a.waiters.size() > b.waiters.size();
    return a.resource < b.resource;
}

bool before_by_name(const resource_snapshot& a, const resource_snapshot& b) noexcept
{
    return a.resource < b.resource;
}

struct reply
{
    http::status status = http::status::ok;
    std::string_view type = "application/json";
    std::string own_body{};
    const std::string* shared_body = nullptr; // instead of it

    [[nodiscard]] const std::string& body() const noexcept { return shared_body ? *shared_body : own_body; }
};

reply refusal(http::status status, std::string_view why)
{
    return {status, "text/plain; charset=utf-8", std::string(why) + '\n'};
}

} // namespace

struct timed_snapshot
{
    snapshot seen;
    clock::time_point taken = clock::time_point::min();
};

/// A manager of a page.
struct page_source
{
    std::string name;
    std::weak_ptr<manager_backend> manager;
    asio::any_io_executor executor;
    inspect_function inspect;

    // The last snapshot, for all that come within a refresh.
    detail::mutex mutex{};
    std::shared_ptr<const timed_snapshot> last{};
    bool is_taking = false; // meanwhile others get the last one
};

class page_core
{
public:
    explicit page_core(priority_redlock::monitor::page_options o) : options(std::move(o))
    {
        for (const std::string* path : {&options.path, &options.metrics_path})
            if (path->empty() ? path == &options.path : path->front() != '/')
                throw std::invalid_argument("priority_redlock: monitor::page_options: a path must begin with '/'");
        if (options.refresh <= duration::zero() || options.patience <= duration::zero())
            throw std::invalid_argument(
                "priority_redlock: monitor::page_options: refresh and patience must be longer than zero");
    }

    priority_redlock::monitor::page_options options;
    std::vector<std::shared_ptr<page_source>> sources;
    std::atomic<bool> is_closed = false;
    std::atomic<std::size_t> viewers = 0;

    enum class what
    {
        nothing,
        page,
        locks,
        events,
        nodes,
        metrics,
    };

    [[nodiscard]] what asked_for(std::string_view target) const noexcept
    {
        std::string_view path = path_of(target);
        if (!options.metrics_path.empty() && path == options.metrics_path)
            return what::metrics;
        if (!path.starts_with(options.path))
            return what::nothing;
        path.remove_prefix(options.path.size());
        return path.empty()        ? what::page
               : path == ".json"   ? what::locks
               : path == "/events" ? what::events
               : path == "/nodes"  ? what::nodes
                                   : what::nothing;
    }

    [[nodiscard]] std::shared_ptr<page_source> source(const std::optional<std::string>& name) const noexcept
    {
        for (const auto& each : sources)
            if (!name || each->name == *name)
                return each;
        return nullptr;
    }
};

namespace {

/// One of those of whom there is a bounded number.
class seat
{
public:
    explicit seat(page_core& core) noexcept : core_(core), is_free_(++core.viewers <= core.options.most_viewers) {}
    seat(const seat&) = delete;
    seat& operator=(const seat&) = delete;
    ~seat() { --core_.viewers; }

    explicit operator bool() const noexcept { return is_free_; }

private:
    page_core& core_;
    const bool is_free_;
};

/// The answer to one request.
class answer
{
public:
    answer(std::shared_ptr<page_core> core, std::unique_ptr<page_connection> client, page_request asked)
        : core_(std::move(core)), client_(std::move(client)), asked_(std::move(asked)),
          executor_(client_->get_executor()), patience_(executor_)
    {
    }

    asio::awaitable<error_code> run()
    {
        if (asked_.method != "GET" && asked_.method != "HEAD")
            co_return co_await send(refusal(http::status::method_not_allowed, "GET or HEAD"));
        switch (core_->asked_for(asked_.target)) {
        case page_core::what::page: co_return co_await send(page());
        case page_core::what::locks: co_return co_await send(co_await locks());
        case page_core::what::events: co_return co_await send_events();
        case page_core::what::nodes: co_return co_await send(co_await nodes());
        case page_core::what::metrics: co_return co_await send(metrics());
        default: co_return co_await send(refusal(http::status::not_found, "not found"));
        }
    }

private:
    // --- what is sent ---

    [[nodiscard]] std::string header(const reply& r, bool is_endless) const
    {
        http::response<http::empty_body> result(r.status, asked_.version);
        result.set(http::field::content_type, r.type);
        result.set(http::field::cache_control, "no-store");
        result.set("X-Content-Type-Options", "nosniff");
        if (r.status == http::status::method_not_allowed)
            result.set(http::field::allow, "GET, HEAD");
        if (r.status == http::status::service_unavailable)
            result.set(http::field::retry_after, "1");
        if (r.shared_body)
            result.set("Content-Security-Policy",
                       "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; "
                       "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'");
        if (!is_endless)
            result.content_length(r.body().size());
        result.keep_alive(asked_.keep_alive && !is_endless);
        std::ostringstream text;
        text << result.base();
        return std::move(text).str();
    }

    // g++ 12 destroys an aggregate twice that is a temporary of a coroutine: these are made outside of them.

    [[nodiscard]] static reply page() { return {.type = "text/html; charset=utf-8", .shared_body = &page_text()}; }

    [[nodiscard]] std::string stream_header() const { return header({.type = "text/event-stream"}, true); }

    [[nodiscard]] error_code after_answer() const
    {
        return asked_.keep_alive ? error_code() : error_code(http::error::end_of_stream);
    }

    asio::awaitable<error_code> send(reply r)
    {
        const std::string head = header(r, false);
        const std::string_view body = asked_.method == "HEAD" ? std::string_view() : std::string_view(r.body());
        const error_code error = co_await write(head, body);
        co_return error ? error : after_answer();
    }

    asio::awaitable<error_code> write(std::string_view head, std::string_view body)
    {
        // The client has to take all of a part in time, however large the whole is.
        constexpr std::size_t part = 1 << 18;
        do {
            const std::string_view now = body.substr(0, part);
            body.remove_prefix(now.size());
            if (const error_code error = co_await write_part(head, now))
                co_return error;
            head = {};
        } while (!body.empty());
        co_return error_code();
    }

    asio::awaitable<error_code> write_part(std::string_view head, std::string_view body)
    {
        const page_connection::buffers text{asio::const_buffer(head.data(), head.size()),
                                            asio::const_buffer(body.data(), body.size())};
        // A wait that ends just as the write does finds that nobody writes any more.
        const auto is_writing = std::make_shared<bool>(true);
        patience_.expires_after(core_->options.patience);
        patience_.async_wait([is_writing, client = client_.get()](error_code stopped) {
            if (!stopped && *is_writing)
                client->close();
        });
        const auto [error, size] = co_await asio::async_initiate<decltype(as_result), void(error_code, std::size_t)>(
            [&](auto handler) { client_->async_write(text, std::move(handler)); }, as_result);
        *is_writing = false;
        patience_.cancel();
        co_return error;
    }

    // --- the locks ---

    /// Has others take the next snapshot, however it ends.
    struct taking
    {
        page_source& source;

        ~taking()
        {
            const std::lock_guard lock(source.mutex);
            source.is_taking = false;
        }
    };

    asio::awaitable<std::shared_ptr<const timed_snapshot>> snapshot_of(page_source& s)
    {
        {
            const std::lock_guard lock(s.mutex);
            if (s.last && (s.is_taking || clock::now() - s.last->taken < core_->options.refresh))
                co_return s.last;
            s.is_taking = true;
        }
        const taking mine{s};
        const auto result = std::make_shared<timed_snapshot>();
        if (auto walk = begin_snapshot(s)) {
            error_code error;
            std::tie(error, result->seen) =
                co_await asio::async_initiate<decltype(as_result), void(error_code, snapshot)>(
                    [&](auto handler) { start_snapshot(std::move(handler), s.executor, std::move(walk)); }, as_result);
            if (error)
                throw std::bad_alloc();
        }
        result->taken = clock::now();
        const std::lock_guard lock(s.mutex);
        s.last = result;
        co_return result;
    }

    /// The manager is kept no longer than that, since its end must not wait for who looks at it.
    static std::unique_ptr<snapshot_walk> begin_snapshot(const page_source& s)
    {
        const auto manager = s.manager.lock();
        return manager ? manager->begin_snapshot() : nullptr;
    }

    asio::awaitable<void> let_others_run() { co_await asio::post(executor_, asio::use_awaitable); }

    asio::awaitable<reply> locks()
    {
        const auto wanted = parameter(asked_.target, "manager");
        if (wanted && !core_->source(wanted))
            co_return refusal(http::status::not_found, "no such manager");
        reply result;
        result.own_body = "{\"managers\":[";
        bool is_first = true;
        for (const auto& each : core_->sources) {
            if (wanted && each->name != *wanted)
                continue;
            result.own_body += std::exchange(is_first, false) ? "" : ",";
            co_await write_locks(*each, result.own_body);
        }
        result.own_body += "]}";
        co_return result;
    }

    asio::awaitable<void> write_locks(page_source& s, std::string& text)
    {
        const std::string_view target = asked_.target;
        const std::shared_ptr<const timed_snapshot> taken = co_await snapshot_of(s);
        const snapshot& seen = taken->seen;
        std::string match = parameter(target, "match").value_or("");
        std::ranges::transform(match, match.begin(), lower);
        const auto exactly = parameter(target, "resource");
        std::vector<const resource_snapshot*> matching;
        for (std::size_t i = 0; i < seen.resources.size(); ++i) {
            const resource_snapshot& r = seen.resources[i];
            if (has(r, match) && (!exactly || r.resource == *exactly))
                matching.push_back(&r);
            if (i % slice == slice - 1)
                co_await let_others_run();
        }
        const std::size_t from = std::min(number(target, "from", 0), matching.size());
        const std::size_t count = std::min(number(target, "count", matching.size()), matching.size() - from);
        const std::size_t most_waiters = number(target, "waiters", std::size_t(-1));
        // The window alone is put in order.
        const auto before = parameter(target, "order") == "contention" ? more_contended : before_by_name;
        const auto by = [before](const auto* a, const auto* b) { return before(*a, *b); };
        const auto first = matching.begin() + static_cast<std::ptrdiff_t>(from);
        const auto last = first + static_cast<std::ptrdiff_t>(count);
        if (first != last) {
            std::nth_element(matching.begin(), first, matching.end(), by);
            std::partial_sort(first, last, matching.end(), by);
        }

        json::object about = json_of(s);
        about["total"] = seen.resources.size();
        about["matching"] = matching.size();
        about["from"] = from;
        about["age_seconds"] = std::chrono::duration<double>(clock::now() - taken->taken).count();
        text += json::serialize(about);
        text.back() = ','; // in place of the brace
        text += "\"resources\":[";
        std::size_t turn = text.size();
        for (auto each = first; each != last; ++each) {
            json::object r = json_resource(**each, seen.taken_at, most_waiters);
            r["waiting"] = (*each)->waiters.size();
            text += each == first ? "" : ",";
            text += json::serialize(r);
            if (text.size() - turn >= most_bytes_a_turn) {
                co_await let_others_run();
                turn = text.size();
            }
        }
        text += "]}";
    }

    /// What is said of a manager everywhere.
    static json::object json_of(const page_source& s)
    {
        const auto manager = s.manager.lock();
        return {{"name", json_name(s.name)},
                {"is_gone", !manager},
                {"has_nodes", bool(s.inspect)},
                {"metrics", to_json(manager ? manager->take_metrics() : priority_redlock::metrics())}};
    }

    [[nodiscard]] reply metrics() const
    {
        reply result{.type = prometheus_content_type};
        std::vector<named_metrics> all;
        for (const auto& each : core_->sources)
            if (const auto manager = each->manager.lock())
                all.push_back({each->name, manager->take_metrics()});
        result.own_body = to_prometheus(all);
        return result;
    }

    // --- the nodes of a store ---

    asio::awaitable<reply> nodes()
    {
        const auto source = core_->source(parameter(asked_.target, "manager"));
        if (!source || !source->inspect)
            co_return refusal(http::status::not_found, "no such manager, or none with nodes");
        const seat mine(*core_);
        if (!mine || core_->is_closed)
            co_return refusal(http::status::service_unavailable, "too many ask");
        // The state of the nodes comes with any name, also one that nobody has locked.
        const std::string resource = parameter(asked_.target, "resource").value_or("priority_redlock::monitor");
        const auto [error, seen] =
            co_await asio::async_initiate<decltype(as_result), void(error_code, redis_inspection)>(
                [&](auto handler) { source->inspect(resource, std::move(handler)); }, as_result);
        const auto now =
            std::chrono::time_point_cast<redis_inspection::time_point::duration>(std::chrono::system_clock::now());
        json::object body = json_inspection(seen, now);
        body["error"] = error ? json::value(error.message()) : json::value();
        reply result;
        result.own_body = json::serialize(body);
        co_return result;
    }

    // --- the events ---

    struct watched_source
    {
        page_source& source;
        std::optional<event_watch> watch;
    };

    asio::awaitable<error_code> send_events()
    {
        const seat mine(*core_);
        if (!mine || core_->is_closed)
            co_return co_await send(refusal(http::status::service_unavailable, "too many look on"));
        const std::string head = stream_header();
        if (asked_.method == "HEAD") {
            const error_code error = co_await write(head, {});
            co_return error ? error : error_code(http::error::end_of_stream);
        }
        std::vector<std::unique_ptr<watched_source>> watched;
        for (const auto& each : core_->sources) {
            watched.push_back(std::make_unique<watched_source>(*each));
            if (const auto manager = each->manager.lock())
                watched.back()->watch.emplace(manager->events());
        }
        asio::steady_timer rest(executor_);
        // The browser comes back after a second, should the connection end.
        std::string text = head + "retry: 1000\n\n";
        while (!core_->is_closed) {
            text += frame(watched);
            if (const error_code error = co_await write(text, {}))
                co_return error;
            text.clear();
            rest.expires_after(core_->options.refresh);
            if (const auto [error] = co_await rest.async_wait(as_result); error)
                co_return error;
        }
        co_return http::error::end_of_stream;
    }

    static std::string frame(std::span<const std::unique_ptr<watched_source>> watched)
    {
        json::array managers, events;
        std::uint64_t missed = 0;
        for (const auto& each : watched) {
            managers.push_back(json_of(each->source));
            std::vector<event_feed::event> news;
            if (each->watch)
                missed += each->watch->read(news);
            for (const event_feed::event& e : news)
                events.push_back(json_of(e, each->source.name));
        }
        return "data: "
               + json::serialize(
                   json::object{{"managers", std::move(managers)}, {"events", std::move(events)}, {"missed", missed}})
               + "\n\n";
    }

    static json::object json_of(const event_feed::event& e, std::string_view manager)
    {
        json::value thief;
        if (e.what.thief_priority)
            thief = {{"locker_id", e.what.thief.empty() ? json::value() : json::value(json_name(e.what.thief))},
                     {"priority", *e.what.thief_priority}};
        return {{"manager", json_name(manager)},
                {"event", e.what.event},
                {"resource", json_name(e.what.resource)},
                {"locker_id", json_name(e.what.locker)},
                {"priority", e.what.priority.value_or(0)},
                {"fencing_token", e.what.token},
                {"thief", std::move(thief)},
                {"told_ms_ago", e.what.milliseconds ? json::value(*e.what.milliseconds) : json::value()},
                {"seconds_ago", std::chrono::duration<double>(clock::now() - e.at).count()}};
    }

    const std::shared_ptr<page_core> core_;
    const std::unique_ptr<page_connection> client_;
    const page_request asked_;
    const asio::any_io_executor executor_;
    asio::steady_timer patience_;
};

asio::awaitable<error_code> run(std::unique_ptr<answer> a)
try {
    co_return co_await a->run();
} catch (const boost::system::system_error& error) { // the operation was cancelled between two others
    co_return error.code();
} catch (const std::bad_alloc&) {
    co_return make_error_code(boost::system::errc::not_enough_memory);
}

} // namespace

void start_answer(std::shared_ptr<page_core> core, std::unique_ptr<page_connection> client, page_request asked,
                  asio::any_completion_handler<void(error_code)> handler)
{
    const asio::any_io_executor executor = client->get_executor();
    const auto slot = asio::get_associated_cancellation_slot(handler);
    const auto completes_on = asio::get_associated_executor(handler, executor);
    asio::co_spawn(executor, run(std::make_unique<answer>(std::move(core), std::move(client), std::move(asked))),
                   asio::bind_cancellation_slot(slot, asio::bind_executor(completes_on, [handler = std::move(handler)](
                                                                                            std::exception_ptr failure,
                                                                                            error_code error) mutable {
                                                    if (failure)
                                                        std::rethrow_exception(failure);
                                                    std::move(handler)(error);
                                                })));
}

} // namespace priority_redlock::detail

namespace priority_redlock::monitor {

page::page(page_options options) : core_(std::make_shared<detail::page_core>(std::move(options))) {}

page::page(page&&) noexcept = default;

page& page::operator=(page&& other) noexcept
{
    std::swap(core_, other.core_);
    return *this;
}

page::~page()
{
    close();
}

bool page::serves(std::string_view target) const noexcept
{
    return core_->asked_for(target) != detail::page_core::what::nothing;
}

void page::close() noexcept
{
    if (core_)
        core_->is_closed = true;
}

void page::add_source(std::string name, std::weak_ptr<detail::manager_backend> manager,
                      boost::asio::any_io_executor executor, detail::inspect_function inspect)
{
    core_->sources.push_back(std::make_shared<detail::page_source>(std::move(name), std::move(manager),
                                                                   std::move(executor), std::move(inspect)));
}

} // namespace priority_redlock::monitor
