// Copyright (c) 2026 the priority-redlock authors
// Distributed under the Boost Software License, Version 1.0.
// (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

// Boost.Redis has to be compiled in one source file of a program, which is this one. A program that has its own keeps
// it: the linker takes an object from a static library only for symbols that are still missing.
#include <boost/redis/src.hpp>
