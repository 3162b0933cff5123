#!/bin/sh
# No branch and no address depends on a secret: tests/crypto/constant_time.c under valgrind.  Valgrind knows no AVX-512, so
# what it sees is the scalar and the AVX2 tier; the IFMA tier has the same callers and, by reading, no branch on a value.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
program=$HEFU_BIN/../tests/constant_time

if ! command -v valgrind >/dev/null || [ ! -x "$program" ]; then
    echo "skip no branch or address depends on a secret: there is no valgrind, or there was none at the build"
    finish
fi
valgrind -q --num-callers=6 --suppressions="$root/tests/crypto/constant_time.supp" "$program" \
    >"$work/verdicts" 2>"$work/said" </dev/null && code=0 || code=$?
sed -nE 's/^\[ *(OK|FAILED) *\] ([a-z_]+)$/\1 \2/p' "$work/verdicts" | tr _ ' ' >"$work/tests"
while read -r verdict sentence; do
    if [ "$verdict" = OK ]; then
        ok "under valgrind, $sentence"
    else
        not_ok "under valgrind, $sentence"
    fi
done <"$work/tests"
if [ ! -s "$work/tests" ] || { [ "$code" != 0 ] && [ "$failures" = 0 ]; }; then
    not_ok "constant_time runs under valgrind"
fi
finish
