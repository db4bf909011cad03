#!/bin/sh
# Copyright (c) 2026 the priority-redlock authors
# Distributed under the Boost Software License, Version 1.0.
# (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

# usage.sh PROGRAM...
#
# Each program says with --help what it is, by one sentence, and what it takes; and refuses what it does not take. Neither
# begins any work. The last one is also a server, whose port is in use.
set -u
output=$(mktemp)
trap 'rm "$output"' EXIT
status=0

wrong() {
    status=1
    echo "usage: $1" >&2
    cat "$output" >&2
}

for program; do
    timeout 10 "$program" --help >"$output" 2>&1 || wrong "$program --help ends with status $?"
    head -n 1 "$output" | grep -q '^[A-Z].*\.$' || wrong "$program --help does not begin with a sentence"
    grep -q "^usage: ${program##*/}" "$output" || wrong "$program --help does not say its usage"
    timeout 10 "$program" --no-such-option >"$output" 2>&1
    [ $? -eq 2 ] || wrong "$program takes any option"
    grep -q -e --no-such-option "$output" || wrong "$program does not say what it refuses"
done

# Errors name the port, and no source file of the machine that built the program.
port=$(($$ % 20000 + 10000))
"$program" "$port" >/dev/null 2>&1 &
first=$!
trap 'kill "$first" 2>/dev/null; rm "$output"' EXIT
sleep 1
timeout 10 "$program" "$port" >"$output" 2>&1
[ $? -eq 1 ] || wrong "a port in use is no error"
grep -q "port $port of 127.0.0.1: .*Address already in use \[system:98\]" "$output" || wrong "the error does not name the port"
if grep -q '\.hpp' "$output"; then wrong 'the error names a source file'; fi
exit "$status"
