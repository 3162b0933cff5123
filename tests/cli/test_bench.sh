#!/bin/sh
# The benchmark runs and prints whole lines.  Says nothing of speed.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
bench=$HEFU_BIN/../bench/bench
[ -x "$bench" ] || exit 77

expect bench_help 0 "usage: bench" -- "$bench" --help
expect bench_unknown_option 2 "unknown option" "hint: " -- "$bench" --fast
expect bench_key_too_short 2 "--bits takes 512 to 4096" -- "$bench" --bits 100
expect bench_unknown_name 2 "no line begins" -- "$bench" --quick --only nonsense

# whole_lines FILE: a header and lines of five columns, each figure a positive number.
whole_lines() {
    awk -F '\t' '
        NR == 1 { bad += $0 != "name\tsize\tunit\tvalue\tratio"; next }
        NF != 5 || $4 + 0 <= 0 || ($5 != "-" && $5 + 0 <= 0) { print "not a whole line: " $0; bad++ }
        END { exit !(NR > 30 && !bad) }' "$1"
}

expect bench_quick 0 keygen encrypt_own_table encrypt_foreign_table decrypt group_scale \
    record_sign_check training_prepare training_pass -- "$bench" --quick
cp "$work/said.out" "$work/quick"
expect bench_prints_whole_lines 0 -- whole_lines "$work/quick"
expect bench_kernels_quick 0 pair_multiply_scalar scatter_plain scatter_joint gather_joint encrypt_foreign encrypt_own decrypt -- \
    "$HEFU_BIN/../bench/bench_kernels" --quick
expect bench_align_quick 0 points_scale align_cpu_of_a_party -- "$HEFU_BIN/../bench/bench_align" --quick
expect bench_only_one_name 0 decrypt -- "$bench" --quick --only decrypt
expect bench_only_prints_nothing_else 0 -- test "$(wc -l <"$work/said.out")" = 2
finish
