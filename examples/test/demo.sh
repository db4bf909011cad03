#!/bin/sh
# Copyright (c) 2026 the priority-redlock authors
# Distributed under the Boost Software License, Version 1.0.
# (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

# demo.sh DEMO
#
# What the demo prints, and the status it ends with.
set -u
case $1 in /*) demo=$1 ;; *) demo=$PWD/$1 ;; esac
directory=$(mktemp -d)
trap 'rm -r "$directory"' EXIT
cd "$directory" || exit 1
status=0

# expect WHAT TEXT FILE: the file has a line that contains the text.
expect() {
    grep -qF -- "$2" "$3" && return
    status=1
    printf 'demo: not so: %s: no "%s" in\n' "$1" "$2" >&2
    cat "$3" >&2
}

# ends_with STATUS WHAT COMMAND...: the command ends with this status.
ends_with() {
    wanted=$1 what=$2
    shift 2
    "$@"
    got=$?
    [ "$got" -eq "$wanted" ] && return
    status=1
    printf 'demo: not so: %s: status %s instead of %s\n' "$what" "$got" "$wanted" >&2
}

# The grace of two steps that are one lock is the longer one: nobody is too late.
cat >together.json <<'JSON'
{"steps": [
    {"locker": "a", "resource": "r", "start": 0,  "hold": 900, "cleanup": 100, "grace": 1000},
    {"locker": "a", "resource": "r", "start": 10, "hold": 900, "cleanup": 100, "grace": 10},
    {"locker": "b", "resource": "r", "start": 50, "hold": 50,  "priority": 1}
]}
JSON
ends_with 0 'it plays' "$demo" together.json >together.txt
expect 'told to go' '~~~' together.txt
if grep -qF '!' together.txt; then
    status=1
    echo 'demo: not so: the grace of a lock is the longest of its steps' >&2
    cat together.txt >&2
fi

# Columns, not bytes or characters; long names are cut; 0 is no time to wait.
cat >wide.json <<'JSON'
{"steps": [
    {"locker": "消防署", "resource": "ドア", "start": 0, "hold": 30},
    {"locker": "🚒",     "resource": "ドア", "start": 5, "hold": 5, "timeout": 0},
    {"locker": "a locker of thirty-one columns.", "resource": "ドア", "start": 10, "hold": 5}
]}
JSON
ends_with 0 'it plays' "$demo" wide.json >wide.txt
expect 'Chinese is padded by columns' '  ドア      消防署                    asks' wide.txt
expect 'so is an emoji' '  ドア      🚒                        gives up, does not wait' wide.txt
expect 'a long name is cut' '  ドア      a locker of thirty-one …  asks' wide.txt
expect 'the chart is, too' '  🚒                        |' wide.txt

# What ends is told before what begins, and a token by its last digits.
printf '{"steps": [%s, %s]}' '{"locker": "a", "resource": "r", "start": 0, "hold": 900, "ttl": 50}' \
    '{"locker": "b", "resource": "r", "start": 10, "hold": 5}' >order.json
ends_with 0 'it plays' "$demo" order.json >order.txt
if [ "$(grep -n 'a .*has expired' order.txt | cut -d: -f1)" -gt "$(grep -n 'b .*granted' order.txt | cut -d: -f1)" ]; then
    status=1
    echo 'demo: not so: an end is told before what begins with it' >&2
    cat order.txt >&2
fi
expect 'a token is short' 'granted, token …' order.txt

# A queue of thousands takes seconds at most, also with a slow build.
{
    printf '{"steps": ['
    i=0
    while [ "$i" -lt 4000 ]; do
        printf '{"locker": "%s", "resource": "r", "start": 0, "hold": 0}, ' "$i"
        i=$((i + 1))
    done
    printf '{"locker": "last", "resource": "r", "start": 0, "hold": 0}]}'
} >queue.json
ends_with 0 'a long queue takes no time' timeout 15 "$demo" queue.json >queue.txt

# Ctrl-C: what there is of the chart.
printf '{"steps": [{"locker": "a", "resource": "r", "start": 0, "hold": 60000}]}' >long.json
ends_with 130 'an interrupted demo says so' timeout --preserve-status -s INT 1 "$demo" long.json >long.txt
expect 'and shows its chart' '|####################' long.txt

if [ -c /dev/full ]; then
    ends_with 1 'output that cannot be written is no success' "$demo" order.json >/dev/full 2>full.txt
    expect 'and says why' 'could not be written' full.txt
fi
exit "$status"
