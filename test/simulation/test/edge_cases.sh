#!/bin/sh
# The edge cases of doc/proof.md: each run shows its case, within its bound, and its picture is the one in the document.
#
# usage: edge_cases.sh EXPLORE DIRECTORY [--draw]
#
# --draw writes the pictures instead.
set -eu

program=$1
pictures=$2
draw=${3-}
played=$(mktemp -d)
trap 'rm -rf "$played"' EXIT

fail() {
    cat "$played/text" >&2
    echo "edge_cases: $case: $*" >&2
    exit 1
}

# shows CASE WORDS...: plays it. Lines with these words follow each other.
shows() {
    case=$1
    shift
    "$program" --case "$case" --svg "$played/svg" >"$played/text" || fail "a judge has found something"
    after=0
    for words; do
        at=$(tail -n +"$((after + 1))" "$played/text" | grep -n -m 1 -F -e "$words" | cut -d : -f 1)
        [ -n "$at" ] || fail "there is no '$words' after line $after"
        after=$((after + at))
    done
    if [ "$draw" = --draw ]; then
        cp "$played/svg" "$pictures/$case.svg"
    else
        cmp -s "$played/svg" "$pictures/$case.svg" || fail "$pictures/$case.svg is of another run; draw it with --draw"
    fi
}

# within MS WORDS WORDS: the second line is so much later at most.
within() {
    awk -v most="$1" -v first="$2" -v second="$3" '
        begun == "" && index($0, first) { begun = $1 }
        ended == "" && index($0, second) { ended = $1 }
        END { exit !(begun != "" && ended != "" && ended >= begun && ended - begun <= most) }' "$played/text" ||
        fail "'$3' is not within $1 ms of '$2'"
}

# never WORDS
never() {
    ! grep -q -F -e "$1" "$played/text" || fail "there is '$1'"
}

# The thief is never granted; the next in line is as soon as the reservation has lapsed.
shows thief-crashes '#4 is told to go' 'p2 crashes' '#6 asks for r0' '#4 lets go' 'standby p3' '#6 HOLDS r0'
never '#5 HOLDS'
within 36 '#4 lets go' '#6 HOLDS r0'

# The victim is told by its own clock, and the thief is granted after that, but soon.
shows victim-unreachable 'cut off' '#4 asks for r0' '#3 has ended' '#4 HOLDS r0' 'notice p1' 'release p1' 'absent'
within 12 '#3 has ended' '#4 HOLDS r0'

# One node has heard of the release and its answer is lost, another has not. The thief is granted without them, and the
# release is repeated when they are reached again.
shows acknowledgement-lost '#3 lets go' 'breaks' '×' 'breaks' '×' '#4 HOLDS r0' 'connected to n' 'release p1' \
    'absent' 'granted'
within 1 '#3 lets go' '#4 HOLDS r0'

# The second thief goes first. The victim is told once.
shows chain-of-thieves '#4 is told to go' 'p3' 'notice p1' '#4 lets go' '#6 HOLDS r0' '#6 releases' '#5 HOLDS r0'
[ "$(grep -c 'is told to go' "$played/text")" -eq 1 ] || fail "there is more than one victim"
within 1 '#6 releases' '#5 HOLDS r0'
