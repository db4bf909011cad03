#!/usr/bin/env bash
# Copyright (c) 2026 the priority-redlock authors
# Distributed under the Boost Software License, Version 1.0.
# (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

# redis.sh PROGRAM: a scenario on servers of its own, one of which fails and comes back. Ends with 77, skipped, where the
# program was built without Redis or there is no server.
set -eu -o pipefail

program=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/contention-redis.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() { printf 'redis: %s\n' "$*" >&2; exit 1; }

cat >scenario.json <<'END'
{
    "protocol": "redis", "nodes": 3, "duration": 1500,
    "clients": [
        {"name": "high", "priority": 1, "hold": 5, "think": 20, "ttl": 2000},
        {"name": "low", "count": 4, "hold": 5, "ttl": 2000}
    ]
}
END
sed 's/"duration": 1500,/&\n    "faults": [{"at": 400, "node": 2, "do": "kill"}, {"at": 800, "node": 2, "do": "resume"}],/' \
    scenario.json >faults.json

status=0
"$program" --scenario scenario.json --json result.json >out 2>err || status=$?
if grep -qE 'is not part of this build|there is no redis-server' err; then
    echo "skipped: $(cat err)"
    exit 77
fi
[ "$status" -eq 0 ] || fail "ended with $status: $(cat out err)"
grep -q 'commands per acquisition' out || fail "commands are not counted: $(cat out)"

"$program" --scenario faults.json --json result.json >out 2>err || fail "with a fault: $(cat out err)"
grep -q '"overlaps":0' result.json || fail "not exclusive: $(cat out)"
for group in high low; do
    grep -qE "^$group +[01] +[14] +[1-9][0-9]*" out || fail "$group got nothing: $(cat out)"
done
cat out

# Ctrl-C in a terminal reaches all processes of the group: the servers are in groups of their own, and serve to the end.
mkfifo pipe
setsid "$program" --scenario scenario.json --duration 3600 --json result.json >pipe 2>err &
pid=$!
exec 3<pipe
read -r _ <&3
sleep 0.5 # the head is printed before the run; so that there is something to show
kill -INT -- "-$pid"
status=0
cat <&3 >out
wait "$pid" || status=$?
[ "$status" -eq 130 ] || fail "interrupted, it ended with $status: $(cat out err)"
[ ! -s err ] || fail "interrupted, it said: $(cat err)"
grep -q 'commands per acquisition' out || fail "interrupted, it has no results: $(cat out)"

# Nodes that are not there, and nodes that go before anybody asks.
cat >absent.json <<'END'
{
    "protocol": "redis", "nodes": ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"], "duration": 300,
    "clients": [{"name": "all", "count": 4, "ttl": 2000}]
}
END
cat >dead.json <<'END'
{
    "protocol": "redis", "nodes": 3, "duration": 500,
    "clients": [{"name": "all", "count": 4, "think": 200, "ttl": 2000}],
    "faults": [{"at": 0, "node": 1, "do": "kill"}, {"at": 0, "node": 2, "do": "kill"}, {"at": 0, "node": 3, "do": "kill"}]
}
END
for file in absent dead; do
    status=0
    "$program" --scenario $file.json >out 2>err || status=$?
    [ "$status" -eq 1 ] || fail "$file: it ended with $status: $(cat out err)"
    ! grep -q '0 ns' out || fail "$file: there are figures: $(cat out)"
done
grep -qE '^all +0 +4 +0 +0 +- +- +-$' out && grep -q 'nothing was measured' err || fail "dead nodes: $(cat out err)"
