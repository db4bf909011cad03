// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#include "domain_service.hpp"

#include <mutex>

namespace priority_redlock::detail {

class domain_service final : public boost::asio::execution_context::service
{
public:
    static inline boost::asio::execution_context::id id;

    explicit domain_service(boost::asio::execution_context& context) : service(context) {}

    void add(served_domain& d)
    {
        const std::lock_guard guard(mutex_);
        domains_.push_back(d);
    }

    void remove(served_domain& d) noexcept
    {
        const std::lock_guard guard(mutex_);
        domains_.erase(domains_.iterator_to(d));
    }

private:
    void shutdown() override
    {
        for (;;) {
            served_domain* d;
            {
                const std::lock_guard guard(mutex_);
                if (domains_.empty())
                    return;
                d = &domains_.front();
                domains_.pop_front();
                d->service_ = nullptr;
            }
            d->shut_down(); // destroys handlers, which may destroy other domains
        }
    }

    std::mutex mutex_;
    boost::intrusive::list<served_domain> domains_;
};

served_domain::served_domain(boost::asio::execution_context& context)
    : service_(&boost::asio::use_service<domain_service>(context))
{
    service_->add(*this);
}

served_domain::~served_domain()
{
    if (service_)
        service_->remove(*this);
}

} // namespace priority_redlock::detail
