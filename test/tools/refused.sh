# For scripts that call a program with wrong arguments, $program.

# refused TEXT ARGUMENT...: it must end with 2 and say this.
refused() {
    expected=$1
    shift
    status=0
    said=$("$program" "$@" 2>&1 >/dev/null) || status=$?
    [ "$status" -eq 2 ] || { echo "arguments: '$*' ends with status $status" >&2; exit 1; }
    case $said in *"$expected"*) ;; *) echo "arguments: '$*' says '$said'" >&2; exit 1 ;; esac
}
