// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_SRC_DOMAIN_SERVICE_HPP
#define PRIORITY_REDLOCK_SRC_DOMAIN_SERVICE_HPP

#include <boost/asio/execution_context.hpp>
#include <boost/intrusive/list.hpp>

namespace priority_redlock::detail {

class domain_service;

/// A lock domain that is told when its execution context is shut down, so that the handlers it keeps are destroyed with
/// the context.
class served_domain : public boost::intrusive::list_base_hook<>
{
public:
    explicit served_domain(boost::asio::execution_context& context);
    served_domain(const served_domain&) = delete;
    served_domain& operator=(const served_domain&) = delete;

    virtual void shut_down() noexcept = 0;

protected:
    ~served_domain();

private:
    friend class domain_service;

    domain_service* service_;
};

} // namespace priority_redlock::detail

#endif
