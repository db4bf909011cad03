#!/usr/bin/env bash
# Copyright (c) 2026 the priority-redlock authors
# Distributed under the Boost Software License, Version 1.0.
# (See accompanying file LICENSE or copy at https://www.boost.org/LICENSE_1_0.txt)

# report.sh PROGRAM: writes a report, opens it in a headless Chromium, and looks whether the charts are there and can be
# read. Ends with 77, skipped, where gnuplot or Chromium is not installed.
set -eu -o pipefail

program=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/contention-report.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() { printf 'report: %s\n' "$*" >&2; exit 1; }

# Without gnuplot it is said at the start.
status=0
PATH=/nowhere "$program" --report page.html >out 2>err || status=$?
[ "$status" -eq 1 ] && grep -q 'install the package gnuplot-nox' err && [ ! -s out ] \
    || fail "without gnuplot it ended with $status and said: $(cat out err)"

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
[ -n "$browser" ] && command -v gnuplot >/dev/null || { echo "skipped: needs gnuplot and Chromium"; exit 77; }

cat >scenario.json <<'END'
{
    "title": "Names with <b>marks</b> & 'quotes'",
    "duration": 400,
    "clients": [
        {"name": "<i>it's</i> & \"that\"", "count": 3, "priority": 5, "hold": 1, "think": 5},
        {"name": "low", "count": 4, "hold": 3},
        {"name": "a name of as many bytes as are allowed..", "hold": 2, "think": 20}
    ]
}
END
"$program" --scenario scenario.json --compare --report page.html >out 2>err || fail "failed: $(cat out err)"

# A page that looks at itself: each chart must be drawn, with its text inside of it and no two texts on top of each other.
cat page.html - >looking.html <<'END'
<script>
const problems = [];
const figures = [...document.querySelectorAll('figure')];
for (const figure of figures) {
    const svg = figure.querySelector('svg');
    const frame = svg.getBoundingClientRect();
    if (frame.width < 500 || frame.height < 150) problems.push(`${figure.id} is ${frame.width} x ${frame.height}`);
    if (svg.querySelectorAll('path, polygon').length < 5) problems.push(`${figure.id} is empty`);
    const texts = [...svg.querySelectorAll('text')].filter((each) => each.textContent.trim());
    if (texts.length < 6) problems.push(`${figure.id} has only ${texts.length} labels`);
    const cut = [...svg.querySelectorAll('path, polygon, use')].filter((each) => {
        const box = each.getBoundingClientRect();
        return !each.closest('defs') && (box.left < frame.left - 2 || box.right > frame.right + 2);
    });
    if (cut.length) problems.push(`${figure.id}: ${cut.length} lines are cut off`);
    const boxes = texts.map((each) => each.getBoundingClientRect());
    boxes.forEach((a, i) => {
        if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.top < frame.top - 1 || a.bottom > frame.bottom + 1)
            problems.push(`${figure.id}: "${texts[i].textContent}" is cut off`);
        boxes.slice(0, i).forEach((b, k) => {
            const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
            const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
            if (across > 1 && down > 4)
                problems.push(`${figure.id}: "${texts[i].textContent}" is on top of "${texts[k].textContent}"`);
        });
    });
}
const labels = (id) => document.querySelector(`#${id} svg`).textContent;
for (const [id, label] of [['wait', 'wait (ms)'], ['wait', 'percentile'], ['throughput', 'time (s)'],
    ['throughput', 'acquisitions per second'], ['timeline-1', 'time (ms)'], ['timeline-1', 'preempted'],
    ['wait', `<i>it's</i> & "that"`]])
    if (!labels(id).includes(label)) problems.push(`${id} does not say ${label}`);
if (document.querySelector('h1 b, figure i')) problems.push('names are taken for markup');
if (document.documentElement.scrollWidth > innerWidth) problems.push('the page is wider than the window');
document.title = `charts: ${figures.map((each) => each.id)}; problems: ${problems.join('; ') || 'none'}`;
</script>
END
"$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$work/profile" --window-size=1200,900 \
    --dump-dom "file://$work/looking.html" >dom 2>browser.log || fail "the browser failed: $(tail -n 5 browser.log)"
title=$(grep -o '<title>charts: [^<]*' dom) || fail "the page did not look at itself: $(tail -n 5 browser.log)"
[ "$title" = "<title>charts: wait,throughput,timeline-1,timeline-2; problems: none" ] || fail "$title"
! grep -qE '(src|href)="?https?:' page.html || fail "the page loads something"
echo "${title#<title>}"
