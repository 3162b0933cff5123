#!/bin/sh
# Equal seeds give equal bytes, whatever compiler, optimisation and threads: dictionaries, transcripts, models, metrics.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"

# heads COMPILER LEVEL: what sessions with fixed seeds come to when compiled so.
heads() {
    build=$work/build-$1$2
    {
        cmake -S "$root" -B "$build" -DCMAKE_C_COMPILER="$1" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG="$2" &&
            cmake --build "$build" --target heads -j "$(nproc)"
    } >"$work/said" 2>&1 || return 1
    "$build/tests/heads" 2>"$work/said"
}

# 7 lines for each of 2 + 3 + 5 parties, and of 3 in the other suite
if ! heads gcc -O0 >expected || [ "$(sort -u expected | wc -l)" != 91 ]; then
    cat expected >>said
    not_ok "sessions with fixed seeds end well"
    finish
fi
ok "sessions with fixed seeds end well"

compare() {
    if diff expected "$1" >>said; then
        ok "$2"
    else
        not_ok "$2"
    fi
}

build-gcc-O0/tests/heads >again 2>said || true
compare again "the same program gives the same bytes whatever its threads do"
for threads in 1 2 3; do
    build-gcc-O0/tests/heads "$threads" >threaded 2>said || true
    compare threaded "threads: $threads of each party give the bytes of none"
done
for tier in scalar avx2 ifma; do
    code=0
    HEFU_TIER=$tier build-gcc-O0/tests/heads >tiered 2>said || code=$?
    if [ "$code" = 77 ]; then
        echo "skip tier $tier: this processor lacks it"
        continue
    fi
    compare tiered "tier $tier of the arithmetic gives the same bytes"
done
for compiler in gcc clang-14; do
    if ! command -v "$compiler" >/dev/null; then
        echo "skip $compiler and gcc give the same bytes: there is no $compiler"
        continue
    fi
    for level in -O0 -O3; do
        [ "$compiler$level" != gcc-O0 ] || continue
        heads "$compiler" "$level" >found || true
        compare found "$compiler $level and gcc -O0 give the same bytes"
    done
done
finish
