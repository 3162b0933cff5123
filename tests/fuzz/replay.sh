#!/bin/sh
# Replay each committed corpus through its fuzz target, then fuzz for a few seconds more.
#   sh tests/fuzz/replay.sh BUILD_DIR [SECONDS]
# tests/fuzz/corpus/NAME belongs to BUILD_DIR/fuzz/fuzz_NAME.
set -eu
cd "$(dirname "$0")/../.."

build=$1
seconds=${2-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

bad=0
# Corpora of an old contract format are refused at their first bytes: replaying them would show nothing.
if [ -x "$build/fuzz/make_corpus" ]; then
    mkdir -p "$work/made/contract" "$work/made/bundle" "$work/made/message" "$work/made/peer"
    "$build/fuzz/make_corpus" "$work/made"
    if diff -rq "$work/made/contract" tests/fuzz/corpus/contract >"$work/log"; then
        echo "ok fuzz corpora: contracts of today's format"
    else
        echo "not ok fuzz corpora: contracts of another format; run $build/fuzz/make_corpus tests/fuzz/corpus"
        bad=$((bad + 1))
    fi
fi
for target in "$build"/fuzz/fuzz_*; do
    [ -x "$target" ] && [ -f "$target" ] || continue
    name=$(basename "$target")
    name=${name#fuzz_}
    corpus=tests/fuzz/corpus/$name
    if [ ! -d "$corpus" ] || [ -z "$(ls -A "$corpus")" ]; then
        echo "not ok fuzz $name: no committed corpus in $corpus"
        bad=$((bad + 1))
        continue
    fi
    mkdir -p "$work/$name"
    if ! "$target" -runs=0 -artifact_prefix="$work/" "$corpus" >"$work/log" 2>&1 </dev/null; then
        tail -n 40 "$work/log"
        echo "not ok fuzz $name: the committed corpus fails"
        bad=$((bad + 1))
    elif ! "$target" -seed=1 -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
        -artifact_prefix="$work/" "$work/$name" "$corpus" >"$work/log" 2>&1 </dev/null; then
        tail -n 40 "$work/log"
        for artifact in "$work"/crash-* "$work"/timeout-* "$work"/leak-* "$work"/oom-*; do
            [ ! -f "$artifact" ] || { echo "    $(basename "$artifact"):"; od -An -tx1 -v "$artifact" | head -n 40; }
        done
        echo "not ok fuzz $name: fuzzing found a failure"
        bad=$((bad + 1))
    else
        echo "ok fuzz $name: $(find "$corpus" -type f | wc -l) files replayed, fuzzed for $seconds s"
    fi
done
exit $((bad > 0))
