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

refuses 2 "negative.json: line 1: clients[0].hold: must be a number of milliseconds from 0 to 3600000, not -5" --scenario negative.json
refuses 2 "broken.json: line 2, column 13: not JSON" --scenario broken.json
refuses 2 "absent.json: cannot be read: No such file or directory" --scenario absent.json
refuses 2 'no preset "hot"; there are uncontended, hot-lock, ' --preset hot
refuses 2 "choose a preset or a scenario, not both" --preset hot-lock --scenario good.json
refuses 2 "--protocol must be memory or redis" --protocol paxos
refuses 2 "--help lists the options" --durations 5

# Every number: too small, too large, negative, not one, with something after it, and none.
for option in 'seed -1 4294967296 1.5' 'threads 0 65 1.5' 'resources 0 1000001 1.5' 'schedule 0 1000001 1.5' \
    'duration 0 3600.5 inf'; do
    read -r name wrong <<<"$option"
    for value in $wrong -1 -0.5 five 5s 0x5 nan 99999999999999999999999 ''; do
        refuses 2 "--$name must be a" --"$name" "$value"
        grep -qF "not \"$value\"" err || fail "--$name '$value' is not said to be wrong: $(cat err)"
    done
done
refuses 2 "must be an integer from 0 to 4294967295" --seed -1
refuses 2 "must be a number of seconds, more than 0 and at most 3600" --duration -1

# What people write into JSON that is none.
printf '\xef\xbb\xbf{"clients": [{"name": "a"}]}' >mark.json
printf '{\n  // mine\n  "clients": [{"name": "a"}]}' >comment.json
printf '{"clients": [{"name": "a", "hold": 1,\n  "hold": 2}]}' >twice.json
refuses 2 "mark.json: line 1, column 1: not JSON: a byte order mark" --scenario mark.json
refuses 2 "comment.json: line 2, column 3: not JSON: a comment" --scenario comment.json
refuses 2 "twice.json: line 2: clients[0].hold: named before, on line 1" --scenario twice.json

# What cannot be written is said at the start.
refuses 1 "absent/result.json: cannot be written: No such file or directory" --json absent/result.json
refuses 2 "--json and --csv are the same file, ./result" --json result --csv ./result
refuses 2 "--json and --report are the same file, -" --json - --report -
refuses 2 "--scenario and --json are the same file, good.json" --scenario "$PWD/good.json" --json good.json
refuses 1 "result.csv: cannot be written: Is a directory" --csv "$(mkdir -p d/result.csv.part && echo d/result.csv)"
(
    ulimit -f 16 # as a disk that is full after 16 blocks
    trap '' XFSZ
    refuses 1 "big.json: cannot be written: File too large" --json big.json
)
[ ! -e big.json.part ] || fail "a file that could not be written was left behind"

# Standard output that cannot be written is an error, and one that ends the program before the run.
for arguments in --help --help-scenario --list-presets --show --show-complete '--schedule 3' '--duration 3600'; do
    status=0
    # shellcheck disable=SC2086
    "$program" $arguments >/dev/full 2>err || status=$?
    [ "$status" -eq 1 ] || fail "'$arguments' to a full device ended with $status"
    grep -qF 'standard output cannot be written: No space left on device' err || fail "a full device is called: $(cat err)"
done
"$program" --help >out || fail "--help ended with $?"
grep -q '^Plays a scenario .*\.$' out || fail "--help does not say what the program does: $(cat out)"

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

# - is standard output, and the table is on standard error then.
"$program" --scenario good.json --json - >out 2>err || fail "--json - ended with $?"
[ "$(wc -l <out)" -eq 1 ] && grep -q '^{"scenario".*"command":"contention --scenario good.json --json -"' out \
    || fail "--json - printed: $(cat out)"
grep -q '^all .* 3 ' err || fail "--json - has no table: $(cat err)"
[ ! -e ./- ] || fail "there is a file named -"
"$program" --scenario good.json --csv - 2>/dev/null | grep -q '^"priority-redlock"' || fail "--csv - prints no lines"

# One output that fails takes nothing away from the others.
status=0
"$program" --scenario good.json --json /dev/full --csv other.csv >out 2>err || status=$?
[ "$status" -eq 1 ] && grep -qF '/dev/full: cannot be written: No space left on device' err \
    || fail "--json /dev/full ended with $status: $(cat err)"
[ "$(wc -l <other.csv)" -eq 2 ] || fail "--json /dev/full left nothing in the CSV file"

# Nothing measured is no figure, and an error: the client does not ask before the run ends.
printf '{"duration": 50, "clients": [{"name": "none", "think": 3600000}]}' >nothing.json
status=0
"$program" --scenario nothing.json >out 2>err || status=$?
[ "$status" -eq 1 ] || fail "nothing was measured, and it ended with $status"
grep -qE '^none +0 +1 +0 +0 +- +- +-$' out || fail "nothing was measured, and it says: $(cat out)"
grep -qF 'nothing was measured' err || fail "it does not say that nothing was measured: $(cat err)"

# Tables have 80 columns at most.
"$program" --preset lights --duration 0.2 --compare >out 2>err || fail "lights ended with $?: $(cat err)"
sed '1,/^$/d' out | grep -v ' (\|: ' | LC_ALL=C.UTF-8 awk 'length > 80 { exit 1 }' || fail "a table is too wide: $(cat out)"

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
