// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

#ifndef PRIORITY_REDLOCK_VERSION_HPP
#define PRIORITY_REDLOCK_VERSION_HPP

/// The version: major * 100 000 + minor * 100 + patch, like BOOST_VERSION.
///
/// From 1.0 on, programs that use documented names compile with every later version of the same major version. Names in
/// `detail` namespaces and folders are private to the library. The binary interface is compatible only within one minor
/// version and one version of Boost: recompile for any other. Before 1.0 a minor version may change anything; the
/// CHANGELOG says what.
#define PRIORITY_REDLOCK_VERSION 100

/// The version as text.
#define PRIORITY_REDLOCK_VERSION_STRING "0.1.0"

#endif
