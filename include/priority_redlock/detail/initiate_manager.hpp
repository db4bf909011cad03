// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_INITIATE_MANAGER_HPP
#define PRIORITY_REDLOCK_DETAIL_INITIATE_MANAGER_HPP

#include <priority_redlock/detail/access.hpp>
#include <priority_redlock/detail/acquire_op.hpp>
#include <priority_redlock/detail/acquire_request.hpp>
#include <priority_redlock/detail/completion.hpp>
#include <priority_redlock/detail/config.hpp>
#include <priority_redlock/detail/manager_backend.hpp>
#include <priority_redlock/detail/snapshot_op.hpp>
#include <priority_redlock/manager_options.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution_context.hpp>

#include <concepts>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace priority_redlock {

class protocol;

namespace detail {

/// What can name a resource or a locker.
template <class T>
concept name_like = std::convertible_to<const std::decay_t<T>&, std::string_view>;

/// A completion token in the place where a locker or options could be as well.
template <class T>
concept acquire_token = !name_like<T> && !std::convertible_to<T, const acquire_options&>
                        && asio::completion_token_for<T, void(error_code, lock)>;

/// Arguments for which there is no overload of an operation, other than one that says so.
template <class... Arguments>
inline constexpr bool fit = false;

template <class T>
concept execution_context_type = std::is_convertible_v<T&, asio::execution_context&>;

/// Stands for the locker id that the library makes up.
struct fresh_locker
{
};

[[nodiscard]] constexpr std::string_view as_name(std::string_view s) noexcept
{
    return s;
}

[[nodiscard]] constexpr std::string_view as_name(const char* s) noexcept
{
    return s ? std::string_view(s) : std::string_view();
}

[[nodiscard]] PRIORITY_REDLOCK_DECL std::shared_ptr<manager_backend> make_memory_backend(
    const asio::any_io_executor& ex, bool single_threaded, const manager_options& options);

[[nodiscard]] PRIORITY_REDLOCK_DECL std::shared_ptr<manager_backend> make_protocol_backend(
    const asio::any_io_executor& ex, std::shared_ptr<protocol> store, const manager_options& options);

/// Base of the initiations of a manager's operations. As Asio's own, they refer to their object until they are started.
template <class Manager>
class manager_initiation
{
public:
    using executor_type = typename Manager::executor_type;

    explicit manager_initiation(const Manager* self) noexcept : self_(self) {}
    [[nodiscard]] executor_type get_executor() const noexcept { return self_->get_executor(); }

protected:
    [[nodiscard]] const Manager* manager() const noexcept { return self_; }
    [[nodiscard]] decltype(auto) executor() const noexcept { return access::executor(*self_); }
    [[nodiscard]] const std::shared_ptr<manager_backend>& backend() const noexcept { return access::backend(*self_); }
    [[nodiscard]] acquire_settings resolve(const acquire_options& options) const noexcept
    {
        return detail::resolve(options, access::defaults(*self_));
    }

private:
    const Manager* self_;
};

/// Resolves the options in place: to copy settings whose fields have just been written stalls the processor.
template <class Resource, class Locker>
[[nodiscard]] acquire_request make_request(const Resource& resource, const Locker& locker,
                                           const acquire_options& options, const acquire_settings& defaults) noexcept
{
    acquire_request request;
    request.resource = as_name(resource);
    if constexpr (std::is_same_v<Locker, fresh_locker>)
        request.anonymous = true;
    else
        request.locker = as_name(locker);
    request.options = defaults;
    override_by(request.options, options);
    return request;
}

template <class Manager>
class initiate_acquire : public manager_initiation<Manager>
{
public:
    using manager_initiation<Manager>::manager_initiation;

    template <class Handler, class Resource, class Locker>
    void operator()(Handler&& handler, const Resource& resource, const Locker& locker,
                    const acquire_options& options) const
    {
        acquire_request request = make_request(resource, locker, options, access::defaults(*this->manager()));
        std::decay_t<Handler> own(std::forward<Handler>(handler));
        start_acquire(own, this->executor(), *this->backend(), request);
    }
};

/// Acquires at once or not at all, whatever the options say of attempts, timeouts and preempting.
[[nodiscard]] PRIORITY_REDLOCK_DECL lock try_acquire(manager_backend& backend, acquire_request& request,
                                                     error_code& ec);

/// The same, where only a lock that is not free is no exception.
[[nodiscard]] PRIORITY_REDLOCK_DECL lock try_acquire(manager_backend& backend, acquire_request& request);

template <class Manager>
class initiate_snapshot : public manager_initiation<Manager>
{
public:
    using manager_initiation<Manager>::manager_initiation;

    template <class Handler>
    void operator()(Handler&& handler) const
    {
        start_snapshot(std::decay_t<Handler>(std::forward<Handler>(handler)), this->executor(),
                       this->backend()->begin_snapshot());
    }
};

} // namespace detail
} // namespace priority_redlock

#endif
