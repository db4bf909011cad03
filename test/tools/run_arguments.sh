#!/bin/sh
# tools/run, called with wrong arguments and for help: it says how a verb is used, and does nothing. It runs in a copy, where
# all that could install, build, change or delete something is a stub that records its call.
#
# usage: run_arguments.sh TOOLS-RUN
set -eu

work=$(mktemp -d "${TMPDIR:-/tmp}/priority-redlock-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/project" "$work/project/tools" "$work/project/build"
cp "$1" "$(dirname "$1")/release" "$work/project/tools"

fail() {
    printf '%s\n' "run_arguments: $*" >&2
    cat "$work/out" "$work/err" >&2
    exit 1
}

stub() {
    printf '#!/bin/sh\necho "%s $*" >>"%s"\n' "$1" "$work/called" >"$1"
    chmod +x "$1"
}
for tool in find-boost install-boost check-install compile-cost check-lists check-numbers check-snippets; do
    stub "$work/project/tools/$tool"
done
for command in apt-get sudo npm cmake ctest ninja g++ ld.mold ccache xz clang++-19 b2 clang-format-19 git python3 rm; do
    stub "$work/bin/$command"
done

# call ARGUMENT...: the status of tools/run is in $status, what it printed in out and err.
call() {
    status=0
    PATH="$work/bin:$PATH" "$work/project/tools/run" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
    [ ! -e "$work/called" ] || fail "'$*' calls $(cat "$work/called")"
}

# refused VERB ARGUMENT...: it must be refused with the usage of the verb.
refused() {
    call "$@"
    [ "$status" -eq 1 ] || fail "'$*' ends with status $status"
    [ ! -s "$work/out" ] || fail "'$*' prints to standard output"
    grep -q "^usage: tools/run $1\( \|$\)" "$work/err" || fail "'$*' does not print the usage of $1"
}

call help
verbs=$(sed -n 's/^  \([a-z][a-z0-9-]*\).*/\1/p' "$work/out")
[ "$(echo "$verbs" | wc -l)" -gt 10 ] || fail "the usage does not name the verbs"

for verb in $verbs; do
    for help in --help -h; do
        call "$verb" $help
        [ "$status" -eq 0 ] || fail "'$verb $help' ends with status $status"
        grep -q "^usage: tools/run $verb\( \|$\)" "$work/out" || fail "'$verb $help' does not print the usage of $verb"
        [ "$(grep -c '^usage\|^  [a-z]' "$work/out")" -eq 1 ] || fail "'$verb $help' prints the usage of another verb"
        grep -Eq '  +[a-z]+ [a-z]' "$work/out" || fail "'$verb $help' does not say what it does"
    done
done

refused demo nosuchfile
refused demo .
refused demo "$0" "$0"
refused demo-redis extra
for verb in test asan tsan clang; do refused $verb unit; done
refused boost
refused boost 1.8
refused boost latest
refused boost -R unit
refused boost 1.88 unit
refused bench --json
refused bench --redis --json
refused bench memory
refused bench 'memory -h too'
for verb in provision inspect force-release; do refused $verb; done
refused soak minutes
refused soak --minutes
refused soak --minutes ten
refused soak --minutes 1 --seed -1
refused soak --tls --nemesis
refused scale extra
refused scale --json
refused scale --json one two
refused tsan --full unit
for verb in install-check compile-cost libcxx coverage release; do refused $verb extra; done
refused format --chek
refused format --check extra
refused format ''
refused snippets --bogus
refused snippets --fix extra
refused lists extra
refused numbers extra
refused clean extra
refused help extra

call bogus
[ "$status" -eq 1 ] || fail "an unknown verb ends with status $status"
call bogus --help
[ "$status" -eq 1 ] || fail "help for an unknown verb ends with status $status"

[ -d "$work/project/build" ] || fail "build/ is gone"

# A verb that runs a program says nothing of its build when there was nothing to build; and ends as the program does.
program=$work/project/build/dev/examples/demo
mkdir -p "$(dirname "$program")" "$work/project/examples/scenarios"
touch -d '2000-01-01' "$work/project/CMakePresets.json" "$work/project/tools/install-boost"
touch "$work/project/examples/scenarios/office_lights.json"
echo core >"$work/project/build/dev/.configured"
printf '#!/bin/sh\necho "ninja: no work to do."\n' >"$work/bin/cmake"
printf '#!/bin/sh\necho lights; exit 2\n' >"$program"
chmod +x "$program"
call demo
[ "$(cat "$work/out")" = lights ] || fail "'demo' prints more than the program does"
[ "$status" -eq 2 ] || fail "'demo' ends with status $status, not the program's"
