// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_PAGE_CONNECTION_HPP
#define PRIORITY_REDLOCK_DETAIL_PAGE_CONNECTION_HPP

#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/errc.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/stream_traits.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace priority_redlock {

struct redis_inspection; // only those have it who have the library over Redis

} // namespace priority_redlock

namespace priority_redlock::detail {

class page_core;

using inspection_handler = boost::asio::any_completion_handler<void(error_code, redis_inspection)>;
using inspect_function = std::function<void(const std::string& resource, inspection_handler handler)>;

/// What is used of a request.
struct page_request
{
    std::string method;
    std::string target;
    unsigned version = 11;
    bool keep_alive = false;
};

/// A user's stream, of which the compiled part does not know the type.
class page_connection
{
public:
    using buffers = std::array<boost::asio::const_buffer, 2>;
    using write_handler = boost::asio::any_completion_handler<void(error_code, std::size_t)>;

    virtual ~page_connection() = default;

    [[nodiscard]] virtual boost::asio::any_io_executor get_executor() const = 0;
    virtual void async_write(const buffers& text, write_handler handler) = 0;
    virtual void close() noexcept = 0;
};

template <class Stream>
class page_connection_over final : public page_connection
{
public:
    explicit page_connection_over(Stream& stream) noexcept : stream_(stream) {}

    boost::asio::any_io_executor get_executor() const override { return stream_.get_executor(); }

    void async_write(const buffers& text, write_handler handler) override
    {
        boost::asio::async_write(stream_, text, std::move(handler));
    }

    void close() noexcept override
    {
        try {
            boost::beast::close_socket(boost::beast::get_lowest_layer(stream_));
        } catch (...) { // it is of no use any more
        }
    }

private:
    Stream& stream_;
};

PRIORITY_REDLOCK_DECL void start_answer(std::shared_ptr<page_core> core, std::unique_ptr<page_connection> client,
                                        page_request asked,
                                        boost::asio::any_completion_handler<void(error_code)> handler);

} // namespace priority_redlock::detail

#endif
