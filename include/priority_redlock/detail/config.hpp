// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_DETAIL_CONFIG_HPP
#define PRIORITY_REDLOCK_DETAIL_CONFIG_HPP

#include <boost/config.hpp>

// PRIORITY_REDLOCK_DECL marks what shared libraries export. The build defines PRIORITY_REDLOCK_DYN_LINK for a shared
// library and its users, and PRIORITY_REDLOCK_SOURCE for the library itself.
#ifndef PRIORITY_REDLOCK_DYN_LINK
#define PRIORITY_REDLOCK_DECL
#elif defined(PRIORITY_REDLOCK_SOURCE)
#define PRIORITY_REDLOCK_DECL BOOST_SYMBOL_EXPORT
#else
#define PRIORITY_REDLOCK_DECL BOOST_SYMBOL_IMPORT
#endif

#endif
