#!/bin/sh
# soak, called with wrong arguments: it says what is allowed, and starts nothing.
#
# usage: arguments.sh SOAK
set -eu

. "$(dirname "$0")/../../tools/refused.sh"

program=$1
refused 'there are restart-same, ' --nemesis nobody
refused '--nemesis needs a value' --nemesis
refused '--minutes must be a number from 0.2 to 10000' --minutes 0
refused '--minutes must be a number from 0.2 to 10000' --minutes nan
refused '--minutes must be a number from 0.2 to 10000' --minutes 1m
refused '--seed must be an integer from 0' --seed -1
refused '--keep needs the name of a directory that does not exist' --keep /
refused 'there is no option "--minute"' --minute 1
refused 'there is no option "stop"' stop
"$program" --help | grep -q '^usage: soak'
"$program" --list | grep -q '^clocks-beyond .*(a control)$'
