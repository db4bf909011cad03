#!/usr/bin/env bash
# Copyright (c) 2026 the priority-redlock authors
# Distributed under the Boost Software License, Version 1.0.
# (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

# page.sh LOCKS_PAGE [DIRECTORY]
#
# Opens the page of locks in a headless Chromium and looks at it: page.mjs says at what. With a DIRECTORY it leaves
# pictures there. Ends with 77, skipped, where Chromium or Node is not installed, unless CI is set.
set -eu

program=$1
here=$(dirname "$0")
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ] || ! command -v node >/dev/null; then
    echo 'skipped: needs Node and Chromium'
    [ -z "${CI:-}" ] || exit 1
    exit 77
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/locks-page.XXXXXX")
trap 'rm -rf "$work"' EXIT
node "$here/page.mjs" "$program" "$browser" "$work" "${2:-}"
