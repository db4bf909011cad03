#!/usr/bin/env bash
# Copyright (c) 2026 the priority-redlock authors
# Distributed under the Boost Software License, Version 1.0.
# (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

# cli.sh PROGRAM: what the contention benchmark does on the command line: what it refuses and how, what it writes, and
# how it is interrupted.
set -eu -o pipefail

program=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/contention-cli.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() { printf 'cli: %s\n' "$*" >&2; exit 1; }

# refuses STATUS MESSAGE ARGUMENT...: ends with the status, says the message, and has not begun.
refuses() {
    local expected=$1 message=$2 status=0
    shift 2
    "$program" "$@" >out 2>err || status=$?
    [ "$status" -eq "$expected" ] || fail "'$*' ended with $status instead of $expected: $(cat out err)"
    grep -qF -- "$message" err || fail "'$*' said '$(cat err)' instead of '$message'"
    [ ! -s out ] || fail "'$*' should not have begun: $(cat out)"
}

cat >good.json <<'END'
{"title": "A test", "duration": 100, "clients": [{"name": "all", "count": 3, "hold": 1}]}
END
printf '{"clients": [{"name": "a", "hold": -5}]}' >negative.json
printf '{\n"clients": [,]}' >broken.json

refuses 2 "negative.json: clients[0].hold: must be a number of milliseconds from 0 to 3600000, not -5" --scenario negative.json
refuses 2 "broken.json: line 2, column 13: not JSON" --scenario broken.json
refuses 2 "absent.json: cannot be read: No such file or directory" --scenario absent.json
refuses 2 'no preset "hot"; there are uncontended, hot-lock, ' --preset hot
refuses 2 "choose a preset or a scenario, not both" --preset hot-lock --scenario good.json
refuses 2 "--duration must be a number of seconds" --duration -1
refuses 2 "--protocol must be memory or redis" --protocol paxos
refuses 2 "--threads must be an integer from 1 to 64" --threads 0
refuses 2 "--help lists the options" --durations 5

# What cannot be written is said at the start.
refuses 1 "absent/result.json: cannot be written: No such file or directory" --json absent/result.json
refuses 1 "result.csv: cannot be written: Is a directory" --csv "$(mkdir -p d/result.csv.part && echo d/result.csv)"
(
    ulimit -f 16 # as a disk that is full after 16 blocks
    trap '' XFSZ
    refuses 1 "big.json: cannot be written: File too large" --json big.json
)
[ ! -e big.json.part ] || fail "a file that could not be written was left behind"

# A fixed seed, a fixed schedule.
"$program" --preset zipf-keys --schedule 3 >first
"$program" --preset zipf-keys --schedule 3 | cmp -s first - || fail "the schedule differs from one run to the next"
"$program" --preset zipf-keys --schedule 3 --seed 2 | cmp -s first - && fail "the seed makes no difference"

# A preset can be copied and edited.
"$program" --preset lights --show >copy.json
"$program" --scenario copy.json --schedule 2 | cmp -s - <("$program" --preset lights --schedule 2) \
    || fail "the copy of a preset is another scenario"

# Results go to the files, and a run without a terminal is quiet on standard error.
echo "what was there before" >result.json
"$program" --scenario good.json --json result.json --csv result.csv >out 2>err
[ ! -s err ] || fail "not quiet: $(cat err)"
grep -q '^all .* 3 ' out || fail "no line for the group: $(cat out)"
grep -q '"contender":"priority-redlock"' result.json || fail "no result in the JSON file"
[ "$(wc -l <result.csv)" -eq 2 ] || fail "not a line for the group in the CSV file"
[ -z "$(ls ./*.part 2>/dev/null)" ] || fail "temporary files were left behind"

# Ctrl-C: the results so far. The run would take an hour; it is interrupted once it has begun.
mkfifo pipe
"$program" --scenario good.json --duration 3600 --json interrupted.json >pipe 2>err &
pid=$!
exec 3<pipe
read -r title <&3
[ "$title" = "A test" ] || fail "began with '$title'"
kill -INT "$pid"
status=0
cat <&3 >out
wait "$pid" || status=$?
[ "$status" -eq 130 ] || fail "interrupted, it ended with $status"
grep -q 'interrupted' out || fail "interrupted, it printed: $(cat out)"
grep -q '"interrupted":true' interrupted.json || fail "interrupted, it wrote no results"
echo "cli: all as expected"
