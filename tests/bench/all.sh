#!/bin/sh
# Every figure of RESULTS.md, the short runs first.
#   sh tests/bench/all.sh BUILD_DIR [quick] >results.tsv
#   awk -f tests/bench/results.awk results.tsv tests/bench/RESULTS.md >new.md
#   awk -f tests/bench/plot.awk results.tsv >tests/bench/scaling.svg
# Takes some hours on two processors; nothing else should run.  HEFU_FULL=1: what is longest too (2^20 ids, 1,000,000 rows).
# quick: a little of each, with figures that mean nothing.  Builds nothing: cmake --build BUILD_DIR first.
# What fails is said, and the rest goes on; the exit code is 1 then.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] && [ -x "$1/bin/hefud" ] && [ -x "$1/bench/bench_kernels" ] || {
    echo "usage: sh tests/bench/all.sh BUILD_DIR [quick]" >&2
    echo "all: error: ${1-no directory}: holds no bin/hefud and bench/bench_kernels" >&2
    exit 2
}
build=$(cd "$1" && pwd)
quick=${2-}
failed=0
lines=$(mktemp)
trap 'rm -f "$lines" "$lines.plan"' EXIT
trap 'exit 130' INT TERM HUP
cd "$here/../.."

about() {
    printf 'about\t%s\t-\t%s\t-\n' "$1" "$2"
}

# part COMMAND...: its lines without their head; how it went goes to standard error.
part() {
    echo "all: $*" >&2
    "$@" >"$lines" || {
        echo "all: error: it failed: $*" >&2
        failed=1
    }
    grep -v '^name	size	unit' "$lines" || true
}

# hefu plan against actual, in the form of all other lines: the ratio is predicted to actual.
plan() {
    HEFU_BIN=$build/bin sh "$here/plan.sh" >"$lines.plan" || return 1
    awk -F '\t' -v OFS='\t' '
        NR > 1 {
            unit = $2
            sub(/.*_/, "", unit)
            print "plan_" $2 "_of_" $3, $1, unit == "sent" ? "bytes" : unit, $5, sprintf("%.3f", $6)
        }' "$lines.plan"
}

printf 'name\tsize\tunit\tvalue\tratio\n'
about date "$(date -u +%Y-%m-%d)"
about commit "$(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
about machine "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
about processors "$(nproc)"
about load "$(cut -d ' ' -f 1 /proc/loadavg)"
if [ "$quick" = quick ]; then
    part "$build/bench/bench_kernels" --quick
    part "$build/bench/bench" --quick
    part "$build/bench/bench_align" --quick
    part "$build/bench/bench_evidence" --quick
    part sh "$here/training.sh" "$build" quick
    exit "$failed"
fi
part "$build/bench/bench_kernels"
part "$build/bench/bench"
part "$build/bench/bench_align"
part "$build/bench/bench_evidence" --bits 2048
part env HEFU_SUITE=GM1 "$build/bench/bench_evidence" --bits 2048
for mode in full rivals columns rows wide; do
    part sh "$here/training.sh" "$build" "$mode"
done
part plan
[ "${HEFU_FULL-}" != 1 ] || part sh "$here/training.sh" "$build" million
part sh "$here/wan.sh" "$build"
about load_after "$(cut -d ' ' -f 1 /proc/loadavg)"
exit "$failed"
