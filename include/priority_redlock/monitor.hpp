// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_MONITOR_HPP
#define PRIORITY_REDLOCK_MONITOR_HPP

#include <priority_redlock/acquire_options.hpp>
#include <priority_redlock/detail/access.hpp>
#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/page_connection.hpp>
#include <priority_redlock/errc.hpp>
#include <priority_redlock/lock_manager.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/async_result.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace priority_redlock::monitor {

/// Options of a `page`. An aggregate: name the fields that differ from the defaults.
struct page_options
{
    /// Where the page is. What it asks for is below this path: PATH.json, PATH/events, PATH/nodes.
    std::string path = "/locks";

    /// Where the metrics are, as text for Prometheus. Empty: nowhere.
    std::string metrics_path = "/metrics";

    /// How often each open page is told what is new. A snapshot is used again for as long.
    duration refresh = std::chrono::milliseconds(250);

    /// How long a connection may take nothing of an answer before it is closed.
    duration patience = std::chrono::seconds(10);

    /// How many streams of events, and how many questions to the nodes of a store, there may be at a time. Others are
    /// answered with 503.
    std::size_t most_viewers = 32;
};

/// The locks of one or more managers on a page for people, as JSON and as text for Prometheus: answers to HTTP requests
/// that come to your own Boost.Beast server.
///
/// | path           | answer                                                                                     |
/// |----------------|--------------------------------------------------------------------------------------------|
/// | `/locks`       | the page; a browser needs nothing else, from nowhere else                                  |
/// | `/locks.json`  | the resources that are held or waited for, and the metrics (doc/monitor.md)                |
/// | `/locks/events`| server-sent events: the metrics, and each lock that was preempted, expired, lost, or overran |
/// | `/locks/nodes` | what the nodes of a store say of a resource                                                |
/// | `/metrics`     | `to_prometheus`                                                                            |
///
/// @code
/// monitor::page locks;
/// locks.add("orders", manager);
/// ...
/// if (locks.serves(request.target())) // in the router of the server
///     co_await locks.async_answer(stream, request, asio::use_awaitable);
/// @endcode
///
/// It is read-only: it answers GET and HEAD, and 405 to all else. **It authenticates nobody.** Names of resources and
/// lockers may be confidential: mount it on a port of your own network, or behind the authentication of your server. It
/// listens nowhere by itself.
///
/// A manager notes events only while a stream of events is open; otherwise an acquire costs the same as without a page.
/// At most 1024 events, of at most a mebibyte of names, are kept for all streams; a slower reader is told how many it
/// has missed.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: `serves` and `async_answer` may be called from any thread at the same time,
/// `add` and `close` not beside them. The page of a `single_threaded` manager must only be used on its implicit strand.
///
/// @par Object lifetimes
/// Must be destroyed before the execution contexts of its connections. A manager may be destroyed before its page, and
/// is then shown as gone. A page may be destroyed while operations are pending; see `close`.
class PRIORITY_REDLOCK_DECL page
{
public:
    /// @throws std::invalid_argument a path does not begin with '/', or a duration is not above zero.
    explicit page(page_options options = {});
    page(page&&) noexcept;
    page& operator=(page&&) noexcept;

    /// Closes the page.
    ~page();

    /// Shows a manager under a name, which differs from those of the other managers.
    template <class Executor>
    void add(std::string name, const basic_lock_manager<Executor>& manager)
    {
        add_source(std::move(name), detail::access::backend(manager), manager.get_executor(), {});
    }

    /// The same for a manager over a store that can be asked about a resource, a `redis_protocol`.
    template <class Executor, class Store>
    void add(std::string name, const basic_lock_manager<Executor>& manager, std::shared_ptr<const Store> store)
    {
        add_source(std::move(name), detail::access::backend(manager), manager.get_executor(),
                   [store = std::move(store)](const std::string& resource, detail::inspection_handler handler) {
                       store->async_inspect(resource, std::move(handler));
                   });
    }
    template <class Executor, class Store>
    void add(std::string name, const basic_lock_manager<Executor>& manager, std::shared_ptr<Store> store)
    {
        add(std::move(name), manager, std::shared_ptr<const Store>(std::move(store)));
    }

    /// Whether a request for this target is one for the page.
    [[nodiscard]] bool serves(std::string_view target) const noexcept;

    /// Answers a request. It runs on the executor of the connection, which must be its strand if several threads run
    /// the context. Resources are looked up in turns of about a hundred (`lock_manager::async_snapshot`) and written in
    /// such turns.
    ///
    /// `client` is an asynchronous write stream of Boost.Beast, such as a `tcp_stream` or an `ssl_stream` over one.
    /// `asked` is a `boost::beast::http::request` with any body; it may be destroyed as soon as the operation has
    /// started. Nobody else writes to the stream meanwhile. An answer to `/locks/events` goes on until the client or
    /// the page is gone.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Completion condition
    /// The answer was sent, and the connection may be used for the next request; or there is an error.
    /// @par Errors
    /// - `boost::beast::http::error::end_of_stream`: the answer was sent; the connection is to be closed now,
    /// - `boost::asio::error::operation_aborted`: it was cancelled; or the client has taken nothing for
    ///   `page_options::patience`, and the connection was closed,
    /// - `boost::system::errc::not_enough_memory`: the answer may have been sent in part,
    /// - another one: that of the stream.
    /// @par Per-operation cancellation
    /// Terminal: the operation ends; the answer may have been sent in part. Others: none.
    /// @par Object lifetimes
    /// The stream must exist until the operation completes. The page need not.
    template <class Stream, class Request, boost::asio::completion_token_for<void(error_code)> Token>
    auto async_answer(Stream& client, const Request& asked, Token&& token) const
    {
        return boost::asio::async_initiate<Token, void(error_code)>(
            initiate_answer{core_}, token, &client,
            detail::page_request{std::string(asked.method_string()), std::string(asked.target()), asked.version(),
                                 asked.keep_alive()});
    }

    /// Ends the streams of events within `page_options::refresh`, and refuses new ones with 503: a server that ends
    /// need not wait for its viewers. May be called from any thread.
    void close() noexcept;

private:
    struct initiate_answer
    {
        std::shared_ptr<detail::page_core> core;

        template <class Handler, class Stream>
        void operator()(Handler&& handler, Stream* client, detail::page_request asked) const
        {
            detail::start_answer(core, std::make_unique<detail::page_connection_over<Stream>>(*client),
                                 std::move(asked), std::forward<Handler>(handler));
        }
    };

    void add_source(std::string name, std::weak_ptr<detail::manager_backend> manager,
                    boost::asio::any_io_executor executor, detail::inspect_function inspect);

    std::shared_ptr<detail::page_core> core_;
};

} // namespace priority_redlock::monitor

#endif
