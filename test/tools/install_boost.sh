#!/bin/sh
# tools/install-boost, called several times at once. Nothing is fetched or built: apt-get, tar, cmake and the compiler are
# stubs, of which cmake counts the builds and lasts until every call is where it has to be.
#
# usage: install_boost.sh INSTALL-BOOST
set -eu

install_boost=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/priority-redlock-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"

fail() {
    printf '%s\n' "install_boost: $*" >&2
    cat "$work"/*.err >&2
    exit 1
}

stub() {
    { echo '#!/bin/sh' && cat; } >"$work/bin/$1"
    chmod +x "$work/bin/$1"
}
stub apt-get <<'EOF'
EOF
stub tar <<'EOF'
EOF
stub compiler <<'EOF'
case $1 in -dump*) echo 1 ;; *) cat >/dev/null ;; esac
EOF
stub cmake <<'EOF'
for argument; do
    case $argument in
    -DCMAKE_INSTALL_PREFIX=*) printf '%s' "${argument#*=}" >"$WORK/part.$PPID" ;;
    --build) building=yes ;;
    esac
done
[ "${building:-}" ] || exit 0
echo build >>"$WORK/builds"
# Not before every other call waits for this one, or builds as well.
deadline=$(($(date +%s) + 60))
while [ $(($(wc -l <"$WORK/builds") + $(cat "$WORK"/*.err | grep -c waiting))) -lt "$CALLS" ]; do
    [ "$(date +%s)" -lt "$deadline" ] || exit 1
    sleep 0.01
done
if [ "${OTHER:-}" ]; then # somebody else completes the prefix meanwhile
    mkdir -p "$OTHER"
    echo other >"$OTHER/.complete"
fi
mkdir -p "$(cat "$WORK/part.$PPID")"
EOF

# start CALLS [VARIABLE=VALUE...]: that many calls at once; their results are in N.out and N.err.
start() {
    rm -rf "$work"/cache "$work"/builds "$work"/part.* "$work"/*.out "$work"/*.err
    : >"$work/builds"
    calls=$1
    shift
    for n in $(seq "$calls"); do : >"$work/$n.err"; done
    pids=
    for n in $(seq "$calls"); do
        env PATH="$work/bin:$PATH" WORK="$work" CALLS="$calls" CXX=compiler XDG_CACHE_HOME="$work/cache" "$@" \
            "$install_boost" >"$work/$n.out" 2>"$work/$n.err" &
        pids="$pids $!"
    done
    for pid in $pids; do wait "$pid" || fail "a call failed"; done
}

prefix=$(env PATH="$work/bin:$PATH" CXX=compiler XDG_CACHE_HOME="$work/cache" "$install_boost" --print-prefix)

start 3
[ "$(wc -l <"$work/builds")" -eq 1 ] || fail "three calls at once built $(wc -l <"$work/builds") times"
[ "$(cat "$work"/*.out)" = "$(printf '%s\n' "$prefix" "$prefix" "$prefix")" ] || fail "not all three print the prefix"
[ "$(cat "$work"/*.err | grep -c waiting)" -eq 2 ] || fail "not each of the two others says once that it waits"

[ "$(env PATH="$work/bin:$PATH" CXX=compiler XDG_CACHE_HOME="$work/cache" "$install_boost" 2>&1)" = "$prefix" ] \
    || fail "a complete prefix is not just printed"

start 1 OTHER="$prefix"
[ "$(cat "$prefix/.complete")" = other ] || fail "a prefix that was complete by then was replaced"
[ "$(cat "$work/1.out")" = "$prefix" ] || fail "the prefix is not printed"
[ -z "$(find "$work/cache" -name '*.part.*')" ] || fail "parts are left"
