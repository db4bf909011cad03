#!/bin/sh
# tools/install-boost: several calls at once, for one version and for two, and its arguments. Nothing is fetched or built:
# apt-get, tar, cmake and the compiler are stubs, of which cmake counts the builds and lasts until every call is where it has
# to be.
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
for argument; do package=$argument; done
echo "$package" >>"$WORK/fetched"
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
    -DBOOST_INCLUDE_LIBRARIES=*) printf '%s\n' "${argument#*=}" >>"$WORK/libraries" ;;
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

call() { env PATH="$work/bin:$PATH" WORK="$work" CXX=compiler XDG_CACHE_HOME="$work/cache" "$install_boost" "$@"; }

# start VERSION...: a call for each at once ('' for no VERSION); their results are in N.out and N.err.
start() {
    rm -rf "$work"/cache "$work"/fetched "$work"/libraries "$work"/part.* "$work"/*.out "$work"/*.err
    : >"$work/builds"
    calls=$#
    for n in $(seq "$calls"); do : >"$work/$n.err"; done
    pids=
    n=0
    for version; do
        n=$((n + 1))
        CALLS=$calls call ${version:+"$version"} >"$work/$n.out" 2>"$work/$n.err" &
        pids="$pids $!"
    done
    for pid in $pids; do wait "$pid" || fail "a call failed"; done
}

prefix=$(call --print-prefix)
[ "$(call --print-prefix 1.92)" = "$prefix" ] || fail "1.92 is not what is built without a VERSION"
older=$(call 1.83 --print-prefix)
case $older in */boost-1.83.0-*) ;; *) fail "the prefix of 1.83 is $older" ;; esac

start '' 1.92 ''
[ "$(wc -l <"$work/builds")" -eq 1 ] || fail "three calls at once built $(wc -l <"$work/builds") times"
[ "$(cat "$work"/*.out)" = "$(printf '%s\n' "$prefix" "$prefix" "$prefix")" ] || fail "not all three print the prefix"
[ "$(cat "$work"/*.err | grep -c waiting)" -eq 2 ] || fail "not each of the two others says once that it waits"

[ "$(call 2>&1)" = "$prefix" ] || fail "a complete prefix is not just printed"

export OTHER="$prefix"
start ''
unset OTHER
[ "$(cat "$prefix/.complete")" = other ] || fail "a prefix that was complete by then was replaced"
[ "$(cat "$work/1.out")" = "$prefix" ] || fail "the prefix is not printed"
[ -z "$(find "$work/cache" -name '*.part.*')" ] || fail "parts are left"

start '' 1.83
[ "$(wc -l <"$work/builds")" -eq 2 ] || fail "two versions at once built $(wc -l <"$work/builds") times"
[ "$(cat "$work"/*.err | grep -c waiting)" -eq 0 ] || fail "a version waits for another one"
[ "$(cat "$work"/*.out)" = "$(printf '%s\n' "$prefix" "$older")" ] || fail "not each prints the prefix of its version"
[ "$(grep boost "$work/fetched" | sort)" = "$(printf '%s\n' boost1.83 boost1.92)" ] || fail "not each fetches its own package"
[ "$(grep -c redis "$work/libraries")" -eq 1 ] || fail "not only 1.92 is built with Boost.Redis"

rm -f "$work/fetched"
for bad in 1.8 2.0 1.83.0 latest --help ''; do
    if call "$bad" >"$work/1.out" 2>"$work/1.err"; then fail "'$bad' is taken for a version"; fi
    [ "$(cat "$work/1.out" "$work/1.err" | wc -l)" -eq 1 ] || fail "'$bad' is not refused in one line"
done
if call 1.83 1.88 2>"$work/1.err"; then fail "two versions are taken"; fi
[ ! -e "$work/fetched" ] || fail "a refused call fetches"
