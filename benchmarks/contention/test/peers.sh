#!/usr/bin/env bash
# Copyright (c) 2026 the priority-redlock authors
# Distributed under the Boost Software License, Version 1.0.
# (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

# peers.sh PROGRAM DIRECTORY: the peers that run in Node are asked for the same as those in the program, and report what
# came of it in the same form. Ends with 77, skipped, where Node is not installed.
set -eu -o pipefail

program=$1
peers=$2
work=$(mktemp -d "${TMPDIR:-/tmp}/contention-peers.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() { printf 'peers: %s\n' "$*" >&2; exit 1; }

# Whoever is missing is said, and the others play.
"$program" --preset hot-lock --duration 0.1 --compare --peers /nowhere >out 2>err || fail "failed: $(cat out err)"
grep -q 'the peers for Node are left out' err && grep -q 'Asio channel map' out || fail "without peers: $(cat out err)"

command -v node >/dev/null || { echo "skipped: needs Node"; exit 77; }

# One that fails takes nothing away from the others.
mkdir -p broken/node_modules
echo 'process.exit(1)' >broken/driver.js
status=0
"$program" --preset hot-lock --duration 0.1 --compare --peers broken --json broken.json >out 2>err || status=$?
[ "$status" -eq 1 ] && grep -q 'node failed' err || fail "with a peer that fails it ended with $status: $(cat out err)"
grep -q '^ours: priority-redlock, theirs: Asio channel map' out && grep -q '"Asio channel map"' broken.json \
    || fail "a peer that fails takes the others' results away: $(cat out)"

for preset in uncontended zipf-keys composite lights preemption-storm; do
    "$program" --preset "$preset" --show-complete >scenario.json
    "$program" --preset "$preset" --schedule 50 >ours
    node "$peers/driver.js" --schedule 50 scenario.json | cmp - ours || fail "$preset: another schedule"
done

if [ ! -d "$peers/node_modules" ]; then
    echo "the schedules are the same (without npm ci the peers themselves are not run)"
    exit 0
fi
"$program" --preset composite --duration 0.3 --compare --peers "$peers" --json result.json >out 2>err \
    || fail "failed: $(cat out err)"
[ ! -s err ] || fail "said: $(cat err)"
grep -q '^async-mutex ' out && grep -q '"contender":"async-mutex"' result.json || fail "no result: $(cat out)"

# Ctrl-C that only the program gets ends a peer too.
mkfifo pipe
"$program" --preset hot-lock --duration 3600 --compare --peers "$peers" >pipe 2>err &
pid=$!
exec 3<pipe
read -r _ <&3
kill -INT "$pid"
status=0
cat <&3 >out
wait "$pid" || status=$?
[ "$status" -eq 130 ] || fail "interrupted, it ended with $status: $(cat out err)"
echo "peers: all as expected"
