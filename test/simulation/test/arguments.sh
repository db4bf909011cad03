#!/bin/sh
# simulate, called with wrong arguments: it says what is allowed, and plays nothing.
#
# usage: arguments.sh SIMULATE
set -eu

. "$(dirname "$0")/../../tools/refused.sh"

program=$1
refused 'there are calm, ' --world nowhere
refused '--world needs a value' --world
refused '--seed must be an integer from 0' --seed x
refused '--seed must be an integer from 0' --seed -1
refused '--seeds must be an integer from 1' --seeds 0
refused '--minutes must be an integer from 1' --minutes 0.5
refused 'there is no option "--sed"' --sed 1
refused 'there is no option "calm"' calm
"$program" --help | grep -q '^usage: simulate'
"$program" --list | grep -q '^calm '
"$program" --judges | grep -q '^exclusion$'
"$program" --world calm --seed 3 | grep -q '^calm: 1 seeds'
