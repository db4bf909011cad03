// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_COROUTINE_COMPLETION_HPP
#define PRIORITY_REDLOCK_DETAIL_COROUTINE_COMPLETION_HPP

#include <priority_redlock/detail/boost_compat.hpp>
#include <priority_redlock/detail/completion.hpp>
#include <priority_redlock/detail/config.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <tuple>

// The completions of work that coroutines await. As all that is declared as instantiated in the library
// (src/instantiations.cpp) they are never inline, nor defined within a class: that is instantiated nevertheless by
// compilers that optimise.
//
// To declare a class as instantiated instantiates it, and so asks for the associators of its handler. The handler has
// to be complete by then: of one that is only declared a compiler notes, once and for all, that it has none.

namespace priority_redlock::detail {

extern template PRIORITY_REDLOCK_DECL void clear_slot_and_call_with(coroutine_handler<std::exception_ptr>&,
                                                                    std::tuple<std::exception_ptr>&);
extern template class PRIORITY_REDLOCK_DECL handler_work<coroutine_handler<std::exception_ptr>, asio::any_io_executor>;

} // namespace priority_redlock::detail

#endif
