#!/bin/sh
# Copyright (c) 2026 the priority-redlock authors
# Distributed under the Boost Software License, Version 1.0.
# (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

# waiting.sh PROGRAM ARGUMENT...
#
# A program whose nodes do not answer says that it waits for them, and what is wrong in the end.
set -u
directory=$(mktemp -d)
perl -MIO::Socket::INET -e '$| = 1;
    $silent = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die;
    print $silent->sockport, "\n";
    sleep 60' >"$directory/port" &
silent=$!
trap 'kill "$silent"; rm -r "$directory"' EXIT
while [ ! -s "$directory/port" ]; do sleep 0.1; done
node=127.0.0.1:$(cat "$directory/port")

timeout 30 "$@" --redis "$node" >"$directory/said" 2>&1
status=$?
if [ "$status" -ne 2 ] || ! grep -q "^waiting for the nodes $node \.\.\.$" "$directory/said"; then
    echo "waiting: status $status, and said:" >&2
    cat "$directory/said" >&2
    exit 1
fi
