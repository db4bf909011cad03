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

# Ten groups with long names.
{
    printf '{"duration": 400, "clients": ['
    for i in 0 1 2 3 4 5 6 7 8 9; do
        printf '%s{"name": "group %s with a name of thirty-five", "count": 2, "hold": 1, "think": 10}' "${comma-}" "$i"
        comma=,
    done
    printf ']}'
} >many.json
"$program" --scenario many.json --report many.html >out 2>err || fail "ten groups: $(cat out err)"

# A page that looks at itself: each chart must be drawn, with its text inside of it and no two texts on top of each other,
# and be wide enough to be read; what is wider than the window scrolls in a box of its own; nothing is faint on its
# background.
cat >looking.js <<'END'
const problems = [];
const figures = [...document.querySelectorAll('figure')];
const luminance = (colour) => {
    const [r, g, b] = colour.match(/[\d.]+/g).map((each) => (each / 255) ** 2.2);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
};
const paper = luminance(getComputedStyle(document.body).backgroundColor);
const contrast = (colour) => Math.max(luminance(colour) / paper, paper / luminance(colour));
for (const figure of figures) for (const svg of figure.querySelectorAll('svg')) {
    const name = svg.querySelector('title').textContent;
    const frame = svg.getBoundingClientRect();
    if (frame.width < 400 || frame.height < 100) problems.push(`${name} is ${frame.width} x ${frame.height}`);
    if (svg.querySelectorAll('path, polygon').length < 5) problems.push(`${name} is empty`);
    if (!svg.querySelector('desc').textContent || svg.getAttribute('role') !== 'img') problems.push(`${name} is not described`);
    const texts = [...svg.querySelectorAll('text')].filter((each) => each.textContent.trim());
    if (texts.length < 6) problems.push(`${name} has only ${texts.length} labels`);
    const cut = [...svg.querySelectorAll('path, polygon, use')].filter((each) => {
        const box = each.getBoundingClientRect();
        return box.left < frame.left - 2 || box.right > frame.right + 2;
    });
    if (cut.length) problems.push(`${name}: ${cut.length} lines are cut off`);
    const drawn = Math.max(...[...svg.querySelectorAll('path')].map((each) => each.getBoundingClientRect().height));
    if (drawn < frame.height / 3) problems.push(`${name}: only ${drawn} of ${frame.height} px are drawn in`);
    const boxes = texts.map((each) => each.getBoundingClientRect());
    boxes.forEach((a, i) => {
        const text = `${name}: "${texts[i].textContent}"`;
        if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.top < frame.top - 1 || a.bottom > frame.bottom + 1)
            problems.push(`${text} is cut off`);
        const colour = getComputedStyle(texts[i].querySelector('tspan') ?? texts[i]).fill;
        if (contrast(colour) < 4.5) problems.push(`${text} is ${colour}`);
        boxes.slice(0, i).forEach((b, k) => {
            const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
            const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
            if (across > 1 && down > 4) problems.push(`${text} is on top of "${texts[k].textContent}"`);
        });
    });
}
for (const each of document.querySelectorAll('p, td, th, dt, dd, figcaption, h1, h2, h3, pre, footer'))
    if (contrast(getComputedStyle(each).color) < 4.5) problems.push(`${each.tagName} is ${getComputedStyle(each).color}`);
for (const each of document.querySelectorAll('.key span'))
    if (contrast(getComputedStyle(each).borderTopColor) < 2.5) problems.push(`a line is ${getComputedStyle(each).borderTopColor}`);
for (const [id, label] of expected)
    if (!document.querySelector(`#${id}`).textContent.includes(label)) problems.push(`${id} does not say ${label}`);
if (document.querySelector('h1 b, figure i')) problems.push('names are taken for markup');
if (document.documentElement.scrollWidth > innerWidth)
    problems.push(`the page is ${document.documentElement.scrollWidth} wide, the window ${innerWidth}`);
document.title = `panels: ${figures.map((each) => `${each.id} ${each.querySelectorAll('svg').length}`)}; `
    + `problems: ${problems.slice(0, 9).join('; ') || 'none'}`;
END

# look PAGE PANELS EXPECTED: the page has those panels and texts, in windows of a desk and of a telephone, by day and night.
look() {
    local page=$1 panels=$2 expected=$3 scheme titles
    { cat "$page"; echo "<script>const expected = $expected;"; cat looking.js; echo '</script>'; } >looking.html
    # A window is not as narrow as a telephone, a frame is.
    cat >frames.html <<'END'
<meta name="color-scheme" content="light dark">
<iframe src=looking.html width=1280 height=900></iframe>
<iframe src=looking.html width=390 height=900></iframe>
<script>
onload = () => { document.title = [...document.querySelectorAll('iframe')].map((each) => each.contentDocument.title).join(' | '); };
</script>
END
    for scheme in 0 1; do # dark, light
        "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$work/profile" --window-size=1400,1000 \
            --allow-file-access-from-files --blink-settings=preferredColorScheme=$scheme \
            --dump-dom "file://$work/frames.html" >dom 2>browser.log || fail "the browser failed: $(tail -n 5 browser.log)"
        titles=$(grep -o '<title>panels: [^<]*' dom) || fail "the page did not look at itself: $(tail -n 5 browser.log)"
        [ "$titles" = "<title>panels: $panels; problems: none | panels: $panels; problems: none" ] \
            || fail "$page, colour scheme $scheme, 1280 and 390 px: $titles"
    done
    ! grep -qE '(src|href)="?https?:' "$page" || fail "$page loads something"
    echo "$page: ${titles#<title>}"
}

look page.html 'wait 3,throughput 3,timeline 2' '[["wait", "wait"], ["wait", "percentile"], ["throughput", "time (s)"],
    ["throughput", "priority-redlock, preempted"], ["timeline", "ms after "], ["timeline", "preempted"],
    ["wait", `<i>it'"'"'s</i> & "that"`], ["wait", "µs"]]'
look many.html 'wait 10,throughput 10,timeline 1' '[["wait", "group 9 with a name of thirty-five"]]'

# Ctrl-C: charts of what was measured until then, which say so.
mkfifo pipe
"$program" --scenario scenario.json --duration 3600 --report interrupted.html >pipe 2>err &
pid=$!
exec 3<pipe
read -r _ <&3
sleep 0.5 # what is read was printed before the run
kill -INT "$pid"
status=0
cat <&3 >out
wait "$pid" || status=$?
[ "$status" -eq 130 ] || fail "interrupted, it ended with $status: $(cat err)"
grep -q 'Interrupted' interrupted.html || fail "the report does not say that the run was interrupted"
look interrupted.html 'wait 3,throughput 3,timeline 1' '[]'
