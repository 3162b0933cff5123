#!/bin/sh
# Run the command-line tests: each tests/cli/test_*.sh prints "ok NAME" or "not ok NAME" lines, or exits 77 to be skipped.
#   sh tests/cli/run_cli.sh BIN_DIR [test_NAME...]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- "$here"/test_*.sh

bad=0
for test in "$@"; do
    name=$(basename "$test" .sh)
    began=$(date +%s)
    HEFU_BIN=$bin sh "$here/$name.sh" </dev/null && code=0 || code=$?
    case $code in
    0) ;;
    77) echo "skip $name" ;;
    *) echo "not ok $name: exit code $code"; bad=1 ;;
    esac
    echo "-- $name: $(($(date +%s) - began)) s"
done
exit $bad
