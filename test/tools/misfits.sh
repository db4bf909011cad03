#!/bin/sh
# The commonest mistakes in a call, compiled: each gets one error, which says what is needed, in at most ten lines. Calls
# without a mistake compile.
#
# usage: misfits.sh COMPILER INCLUDE-DIRECTORY...
set -eu

compiler=$1
shift
temporary=$(mktemp -d "${TMPDIR:-/tmp}/priority-redlock-test.XXXXXX")
trap 'rm -rf "$temporary"' EXIT
includes=
for directory; do includes="$includes -isystem $directory"; done

# compile NAME: the calls on standard input, a line each. The errors are in $temporary/NAME.
compile() {
    {
        cat <<'END'
#include <priority_redlock.hpp>

#include <boost/asio/use_awaitable.hpp>

namespace asio = boost::asio;
using namespace priority_redlock;

template <int>
void call(lock_manager&);

END
        awk '{ printf "template <>\nvoid call<%d>(lock_manager& m)\n{\n    %s;\n}\n", NR, $0 }'
    } >"$temporary/$1.cpp"
    # shellcheck disable=SC2086 # a list
    "$compiler" -std=c++20 -fsyntax-only $includes "$temporary/$1.cpp" >"$temporary/$1" 2>&1 || true
}

compile fits <<'END'
m.async_acquire("a", "me", {.priority = 1}, [](error_code, lock) {})
async_with_lock(m, "a", {.priority = 1}, [](lock&) -> asio::awaitable<void> { co_return; }, [](std::exception_ptr) {})
END

compile misfits <<'END'
m.async_acquire("a", "me", {.priority = 1}, [](lock) {})
m.async_acquire("a", {.priority = 1}, [](error_code, lock&) {})
m.async_acquire("a", [](error_code, lock&) {})
m.async_acquire("a", "me", [](error_code) {})
m.async_acquire("a", asio::use_awaitable, {.priority = 1})
async_with_lock(m, "a", {}, [](lock&) -> asio::awaitable<void> { co_return; }, [](error_code) {})
async_with_lock(m, "a", {}, [](lock&) {}, asio::use_awaitable)
async_with_lock(m, "a", {}, [](lock) -> asio::awaitable<void> { co_return; }, asio::use_awaitable)
async_with_lock(m, "a", asio::use_awaitable, [](lock&) -> asio::awaitable<void> { co_return; })
END

errors=$(grep -c 'error:' "$temporary/misfits") || true
clear=$(grep -c 'error: static.* async_[a-z_]*(.*) needs ' "$temporary/misfits") || true
lines=$(wc -l <"$temporary/misfits")
if [ -s "$temporary/fits" ] || [ "$errors" -ne 9 ] || [ "$clear" -ne 9 ] || [ "$lines" -gt 90 ]; then
    cut -c 1-300 "$temporary/fits" "$temporary/misfits" >&2
    echo "misfits: of 9 calls $errors errors, $clear of which say what is needed, in $lines lines" >&2
    exit 1
fi
