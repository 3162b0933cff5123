#!/bin/sh
# Everything that must hold before a change lands; continuous integration runs the same.
#   sh tests/run.sh
# Installs what is missing, then: gcc Release and its tests, clang with address and undefined-behaviour sanitizers and
# its tests, fuzz corpora, lint, command-line tests.  The last line is "N passed, N failed"; the exit code follows it.
set -eu
cd "$(dirname "$0")/.."

jobs=$(nproc)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0 skipped=0
began=$(date +%s)

say() {
    printf '== %s (%s s)\n' "$1" "$(($(date +%s) - began))"
}

# Add up the "ok", "not ok" and "skip" lines of a log.
count_lines() {
    passed=$((passed + $(grep -c '^ok ' "$1" || true)))
    failed=$((failed + $(grep -c '^not ok ' "$1" || true)))
    skipped=$((skipped + $(grep -c '^skip ' "$1" || true)))
}

# shown NAME, COMMAND: runs it, prints and counts its lines; a failure without a "not ok" line counts as one.
shown() {
    name=$1
    shift
    code=0
    "$@" >"$work/log" 2>&1 </dev/null || code=$?
    if [ "$code" != 0 ] && ! grep -q '^not ok ' "$work/log"; then
        echo "not ok $name: exit code $code" >>"$work/log"
    fi
    cat "$work/log"
    count_lines "$work/log"
    return "$code"
}

# build PRESET [TARGET...]: configure and compile; quiet unless it fails.
build() {
    preset=$1
    shift
    [ $# = 0 ] || set -- --target "$@"
    if cmake --preset "$preset" >"$work/log" 2>&1 </dev/null &&
        cmake --build --preset "$preset" -j "$jobs" "$@" >>"$work/log" 2>&1 </dev/null; then
        echo "ok build $preset"
        passed=$((passed + 1))
    else
        tail -n 60 "$work/log"
        echo "not ok build $preset"
        failed=$((failed + 1))
        return 1
    fi
}

# unit_tests PRESET DIRECTORY [OPTION OF CTEST...]: every cmocka test counts; a program that ends without its summary counts
# as one failure.
unit_tests() {
    preset=$1 directory=$2 code=0
    shift 2
    ctest --preset "$preset" -j "$jobs" "$@" >"$work/log" 2>&1 </dev/null || code=$?
    grep -E '^ *[0-9]+/[0-9]+ Test' "$work/log" || cat "$work/log"
    log=$directory/Testing/Temporary/LastTest.log
    good=$(sed -nE 's/.*\[  PASSED  \] ([0-9]+) test.*/\1/p' "$log" | awk '{ n += $1 } END { print n + 0 }')
    bad=$(sed -nE 's/.*\[  FAILED  \] ([0-9]+) test.*/\1/p' "$log" | awk '{ n += $1 } END { print n + 0 }')
    left=$(sed -nE 's/.*\[  SKIPPED \] ([0-9]+) test.*/\1/p' "$log" | awk '{ n += $1 } END { print n + 0 }')
    if [ "$code" != 0 ]; then
        grep -E '\[  FAILED  \]|ERROR: |runtime error|error: |Failure!' "$log" | head -n 80 || true
        [ "$bad" != 0 ] || bad=1
    fi
    echo "unit tests $preset: $good passed, $bad failed, $left skipped"
    passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left))
}

export ASAN_OPTIONS="${ASAN_OPTIONS-detect_leaks=1:abort_on_error=0}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS-print_stacktrace=1}"
! command -v llvm-symbolizer-14 >/dev/null || ASAN_SYMBOLIZER_PATH=$(command -v llvm-symbolizer-14)
export ASAN_SYMBOLIZER_PATH="${ASAN_SYMBOLIZER_PATH-}"

say "packages"
sh deploy/packages.sh test </dev/null
export CMAKE_GENERATOR=Ninja # for new build directories; an old one keeps its generator
! command -v ccache >/dev/null || export CMAKE_C_COMPILER_LAUNCHER=ccache

say "lint"
for script in tests/lint/*.sh; do
    shown "$(basename "$script" .sh)" sh "$script" || true
done

say "gcc, Release"
if build release; then
    unit_tests release build
    # What the first tests prove of whole sessions, of attacks and of accuracy holds on every tier of the arithmetic.
    for tier in scalar avx2; do
        say "gcc, Release, tier $tier"
        export HEFU_TIER=$tier
        unit_tests release build -R 'test_(party|hostile_owner|correlate|align|replay|sigmoid|accuracy)$'
        unset HEFU_TIER
    done
    say "gcc, Release, suite GM1"
    export HEFU_SUITE=GM1 HEFU_SHORT=1 # tests/kit/suite.h; crypto/ is tested in both at once, and TLS and its links know no suite
    unit_tests release build -R '^(protocol|training|node)/' -E 'test_(accuracy|link|relay|tls|tsa|transport_choice)$'
    unset HEFU_SUITE HEFU_SHORT
    say "command line"
    shown "command line" sh tests/cli/run_cli.sh build/bin || true
fi

say "clang, address and undefined-behaviour sanitizers"
if build asan; then
    export HEFU_SHORT=1 # the accuracy runs are long, and the same code ran above
    unit_tests asan build-asan
    unset HEFU_SHORT
    say "command line, under the sanitizers"
    shown "command line" sh tests/cli/run_cli.sh build-asan/bin test_errors test_refusals test_deploy || true
fi

say "fuzz corpora"
# shellcheck disable=SC2046  # one word per target
if build fuzz $(basename -s .c tests/fuzz/fuzz_*.c); then
    shown "fuzz" sh tests/fuzz/replay.sh build-fuzz 5 || true
fi

say "done"
if [ "$skipped" = 0 ]; then
    echo "$passed passed, $failed failed"
else
    echo "$passed passed, $failed failed, $skipped skipped"
fi
[ "$failed" = 0 ]
