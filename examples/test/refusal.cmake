# Copyright (c) 2026 the priority-redlock authors
# Distributed under the Boost Software License, Version 1.0.
# (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

# cmake -D DEMO=PROGRAM -D SCENARIO=DIR/NAME.json -P refusal.cmake
#
# The demo must refuse the scenario with status 2 and the message in DIR/NAME.txt, and must not have begun to play it.

cmake_path(REPLACE_EXTENSION SCENARIO txt OUTPUT_VARIABLE expectation)
file(READ ${expectation} expected)
string(PREPEND expected "demo: ${SCENARIO}: ")

execute_process(
    COMMAND ${DEMO} ${SCENARIO}
    RESULT_VARIABLE status
    OUTPUT_VARIABLE played
    ERROR_VARIABLE message
)
if(NOT status STREQUAL "2")
    message(FATAL_ERROR "ended with status ${status} instead of 2:\n${played}${message}")
elseif(NOT played STREQUAL "")
    message(FATAL_ERROR "should not have played:\n${played}")
elseif(NOT message STREQUAL expected)
    message(FATAL_ERROR "said:\n${message}instead of:\n${expected}")
endif()
